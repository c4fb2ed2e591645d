"""What tests/unit/shared/http/test_properties.py shows on SQLite holds on PostgreSQL."""

from tests.unit.shared.http.test_properties import *  # noqa: F403 (its tests are run again here)
