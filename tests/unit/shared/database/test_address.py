"""What becomes of an address: never a connection that falls back to plain text."""

import pytest

from shared.database.address import engine_url
from shared.errors import SettingsError

ADDRESS = "postgresql://shop@db.example/orders"


@pytest.mark.parametrize("mode", ["allow", "prefer"])
def test_a_mode_that_falls_back_to_plain_text_is_refused(mode: str) -> None:
    with pytest.raises(SettingsError, match=f"sslmode={mode} may end in plain text"):
        engine_url(f"{ADDRESS}?sslmode={mode}")


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey"])
def test_whoever_names_a_certificate_wants_everything_checked(name: str) -> None:
    assert engine_url(f"{ADDRESS}?{name}=/file").query == {name: "/file", "sslmode": "verify-full"}


@pytest.mark.parametrize("mode", ["disable", "require", "verify-ca", "verify-full"])
def test_a_mode_that_means_one_thing_is_left_alone(mode: str) -> None:
    found = engine_url(f"{ADDRESS}?sslmode={mode}&sslrootcert=/file")
    assert found.query["sslmode"] == mode
    assert engine_url(ADDRESS).query == {}
