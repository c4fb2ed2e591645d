"""The demo empties only its own folder, and other commands find it while it is running."""

from pathlib import Path

import pytest

from orderctl.demo_folder import (
    DEFAULT_FOLDER,
    MARKER,
    claimed,
    demo_folder,
    running_demo,
    write_environment,
)
from orderctl.errors import CommandError
from orderctl.settings import Addresses, OrderAddress
from orderctl.stack.stack import Stack
from shared.sqlite_address import sqlite_path


def test_a_new_folder_is_created_and_marked(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"

    with claimed(folder):
        assert (folder / MARKER).exists()


def test_files_of_an_earlier_demo_are_deleted(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    folder = tmp_path / "demo"
    with claimed(folder):
        (folder / "old.db").touch()
        (folder / "below").mkdir()
        (folder / "below" / "old.db").touch()
        (folder / "link").symlink_to(outside)

    with claimed(folder):
        assert [entry.name for entry in folder.iterdir()] == [MARKER]
    assert (outside / "precious").exists()


def test_a_demos_files_remain_after_its_end(tmp_path: Path) -> None:
    with claimed(tmp_path / "demo"):
        (tmp_path / "demo" / "email.log").touch()

    assert (tmp_path / "demo" / "email.log").exists()


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()

    with pytest.raises(CommandError, match="--folder"), claimed(tmp_path):
        pass
    assert (tmp_path / "precious").exists()


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    with claimed(tmp_path):
        assert (tmp_path / MARKER).exists()


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(CommandError, match="not a folder"), claimed(file):
        pass


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        claimed(tmp_path),
        pytest.raises(CommandError, match="A demo is running"),
        claimed(tmp_path),
    ):
        pass


def test_a_running_demo_is_found_but_not_an_ended_one(tmp_path: Path) -> None:
    with claimed(tmp_path):
        assert running_demo(tmp_path) is None
        write_environment(tmp_path, {"ORDER_URL": "http://127.0.0.1:18000"})
        assert running_demo(tmp_path) == tmp_path / "env"
    assert running_demo(tmp_path) is None


def test_a_killed_demo_is_not_a_running_one(tmp_path: Path) -> None:
    (tmp_path / MARKER).touch()
    write_environment(tmp_path, {"ORDER_URL": "http://127.0.0.1:18000"})

    assert running_demo(tmp_path) is None


def test_commands_use_the_running_demos_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    monkeypatch.delenv("ORDER_URL", raising=False)
    with claimed(tmp_path):
        write_environment(
            tmp_path,
            {
                "ORDER_URL": "http://127.0.0.1:18000",
                "BROKER_URL": "sqlite:////somewhere/broker.db",
                "CONSUMERS": "email,sms",
                "RETRY_LADDER": "0.1,2",
            },
        )
        addresses = Addresses()  # type: ignore[call-arg]

    assert addresses.order_url == "http://127.0.0.1:18000"
    assert addresses.broker_url == "sqlite:////somewhere/broker.db"
    assert addresses.consumers == ("email", "sms")
    assert addresses.retry_ladder == (0.1, 2.0)


@pytest.mark.parametrize(
    "url",
    [
        "amqp://u:p%23ss${HOME}'\"=$x@h:5672/%2F?heartbeat=5",
        "kafka://h:9092?sasl.password=a%20b#c",
        "sqlite:////a%20%23b/x.db",
        "amqp://größe:x@h/",
    ],
)
def test_an_address_is_read_back_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    monkeypatch.delenv("BROKER_URL", raising=False)
    with claimed(tmp_path):
        write_environment(tmp_path, {"BROKER_URL": url, "OPERATOR_TOKEN": "a-token-of-16-or-more"})
        addresses = Addresses()  # type: ignore[call-arg]

    assert addresses.broker_url == url


@pytest.mark.parametrize("name", ["a b#c", "what?%2F", "it's"])
def test_a_demo_is_found_in_a_folder_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    monkeypatch.setenv("DEMO_FOLDER", str(folder))
    monkeypatch.delenv("BROKER_URL", raising=False)
    with claimed(folder):
        write_environment(folder, Stack(folder).plan.common())
        addresses = Addresses()  # type: ignore[call-arg]

    assert sqlite_path(addresses.broker_url) == folder.resolve() / "broker.db"


def test_an_empty_demo_folder_setting_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_FOLDER", "")

    assert demo_folder() == DEFAULT_FOLDER


def test_the_environment_wins_over_the_running_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    monkeypatch.setenv("ORDER_URL", "http://127.0.0.1:9")
    with claimed(tmp_path):
        write_environment(tmp_path, {"ORDER_URL": "http://127.0.0.1:18000"})

        assert OrderAddress().order_url == "http://127.0.0.1:9"
