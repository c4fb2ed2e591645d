"""The tests of tests/unit/shared/http/test_properties.py on PostgreSQL instead of SQLite."""

from tests.unit.shared.http.test_properties import *  # noqa: F403 (its tests are run again here)
