"""What tests/unit/test_http_properties.py shows on SQLite holds on PostgreSQL."""

from tests.unit.test_http_properties import *  # noqa: F403 (its tests are run again here)
