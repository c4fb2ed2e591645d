"""Processor time counts a process, its children and those that have ended."""

import subprocess
import sys

from bench.processor import processor_seconds

#: Burns 0.6 seconds of processor time in a child that ends, and then waits. The kernel counts user
#: and system time in ticks of 10 ms, each rounded down, so a little less is found.
BURN = """
import subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.6: pass"
subprocess.run([sys.executable, "-c", burn])
print("burnt", flush=True)
sys.stdin.read()
"""


def test_children_count_and_those_that_have_ended() -> None:
    with subprocess.Popen(
        ["sh", "-c", f"\"{sys.executable}\" -c '{BURN}'; true"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "burnt\n"
        found = processor_seconds({"shell": process.pid, "nobody": 2**30})
        process.stdin.close()
    assert 0.5 <= found["shell"] < 5
    assert found["nobody"] == 0.0
