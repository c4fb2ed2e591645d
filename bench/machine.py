"""Describes the machine and the software of a measurement."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pika
import psycopg

#: Libraries that influence the figures.
LIBRARIES = ("gunicorn", "Flask", "pika", "psycopg", "SQLAlchemy", "msgspec")


def describe(postgres_url: str, rabbitmq_url: str) -> Mapping[str, str]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{_system()}, {platform.machine()}",
        "Python": platform.python_version(),
        "PostgreSQL": _postgresql(postgres_url),
        "RabbitMQ": _rabbitmq(rabbitmq_url),
        **{name: version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform(terse=True)


def _postgresql(url: str) -> str:
    with psycopg.connect(url) as connection:
        return str(connection.info.parameter_status("server_version")).split()[0]


def _rabbitmq(url: str) -> str:
    found: list[str] = []

    def on_open(connection: pika.SelectConnection) -> None:
        properties = connection.server_properties or {}
        found.append(str(properties.get("version", "?")))
        connection.close()

    connection = pika.SelectConnection(
        pika.URLParameters(url),
        on_open_callback=on_open,
        on_close_callback=lambda connection, _error: connection.ioloop.stop(),
    )
    connection.ioloop.start()
    return found[0]
