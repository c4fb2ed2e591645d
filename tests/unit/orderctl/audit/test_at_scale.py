"""A million orders need no more memory than a thousand."""

import subprocess
import sys

from orderctl.stack.process import ROOT


def peak_kilobytes(orders: int) -> int:
    audit = [sys.executable, "-m", "tests.unit.orderctl.audit.at_scale", str(orders)]
    done = subprocess.run(audit, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_the_memory_of_an_audit_does_not_grow_with_the_orders() -> None:
    few, many = 1_000, 8_000
    # An order in memory would take nearly three kilobytes.
    assert peak_kilobytes(many) - peak_kilobytes(few) < (many - few) / 2
