"""The Compose file of a release, which needs no checkout."""

from pathlib import Path
from typing import Any

from tools.release.compose_file import defaults, standalone


def test_images_are_published_ones_and_nothing_is_built() -> None:
    service = _standalone({"image": "order-pipeline/email", "build": {"context": "."}})
    assert service == {"image": "registry/shop/email:1.2"}
    assert _standalone({"image": "postgres:17"}) == {"image": "postgres:17"}


def test_the_values_of_the_settings_file_become_defaults() -> None:
    address = "amqp://email:${EMAIL_PASSWORD}@rabbitmq:5672/${HOST:-orders}"
    service = _standalone({"image": "x", "environment": {"BROKER_URL": address}})
    expected = "amqp://email:${EMAIL_PASSWORD:-secret}@rabbitmq:5672/${HOST:-orders}"
    assert service["environment"]["BROKER_URL"] == expected


def test_a_mounted_file_is_contained_and_a_volume_stays(tmp_path: Path) -> None:
    (tmp_path / "start.sh").write_text("echo ${EMAIL_PASSWORD}\n")
    volume = {"type": "volume", "source": "data", "target": "/data"}
    file = {"type": "bind", "source": str(tmp_path / "start.sh"), "target": "/start.sh"}
    made = _document({"image": "x", "read_only": True, "volumes": [volume, file]})
    service, name = made["services"]["it"], f"{tmp_path.name}-start-sh"
    assert made["configs"] == {name: {"content": "echo $${EMAIL_PASSWORD}\n"}}
    assert service["configs"] == [{"source": name, "target": "/start.sh"}]
    assert (service["volumes"], service["read_only"]) == ([volume], False)


def test_settings_are_read_without_comments(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# A=1\n\nB=2\nC=x=y&z\n")
    assert defaults(tmp_path / ".env") == {"B": "2", "C": "x=y&z"}


def _standalone(service: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _document(service)["services"]["it"]
    return found


def _document(service: dict[str, Any]) -> dict[str, Any]:
    compose = {"name": "shop", "x-it": {}, "services": {"it": service}, "volumes": {"data": {}}}
    return standalone(compose, {"EMAIL_PASSWORD": "secret"}, images="registry/shop", version="1.2")
