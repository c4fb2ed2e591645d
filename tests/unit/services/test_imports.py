"""What a service imports at its start, before it knows its settings."""

import subprocess
import sys

import pytest

from orderctl.stack.process import ROOT

SERVICES = ("email", "sms", "inventory", "analytics", "order", "order.relay")
#: Needed with some settings only, or by other programs.
NOT_YET = ("psycopg", "pika", "confluent_kafka", "typer", "locust")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_no_library_that_its_settings_may_not_need(service: str) -> None:
    code = f"import sys, services.{service}.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = done.stdout.split()
    assert f"services.{service}.__main__" in imported
    assert [name for name in NOT_YET if name in imported] == []
