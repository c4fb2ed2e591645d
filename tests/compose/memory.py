"""`python -m tests.compose.memory [kafka]` measures the memory of all containers under load.

It starts an empty system with three email containers, places 50 orders per second through the
published port for a minute, and samples `docker stats`. The exit status is 1 if the sum exceeds the
documented limit, or if the orders fall behind.

Received mails are deleted regularly. Mailpit stores them on disk, but for a server that keeps them
in memory the measurement would include the collected mails.
"""

import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import httpx
from rich.table import Table

from orderctl.output import console, table
from tests.compose.containers import Containers

PROMISED_MB = {"rabbitmq": 1200, "kafka": 2000}
RATE = 50
SECONDS = 60
#: Below this rate the measurement is not meaningful.
SLOWEST = 1.2
#: Seconds after the last order, in which mails, texts and stock movements continue.
AFTERWARDS_SECONDS = 10
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

#: Megabytes (10⁶ bytes) per container.
Sample = Mapping[str, float]


def main(broker: str = "rabbitmq") -> int:
    containers = Containers("order-pipeline-memory", broker)
    try:
        containers.up("--build", "--scale", "email=3")
        samples, took = measure(containers)
    finally:
        containers.down("--volumes")
    console().print(shown(samples))
    promised = PROMISED_MB[broker]
    peak = max(sum(sample.values()) for sample in samples)
    console().print(
        f"{RATE * SECONDS} orders in {took:.0f} s; all containers together used {peak:.0f} MB "
        f"at most, of {promised} MB promised."
    )
    return 0 if peak <= promised and took <= SECONDS * SLOWEST else 1


def measure(containers: Containers) -> tuple[list[Sample], float]:
    """Samples from before the first to after the last order; the duration of placing in s."""
    samples = [sample(containers)]
    started = time.monotonic()
    placing = place(containers.ports["ORDER_PORT"])
    while placing.poll() is None:
        samples.append(sample(containers))
    took = time.monotonic() - started
    if placing.returncode:
        raise RuntimeError(placing.communicate()[1])
    while time.monotonic() < started + took + AFTERWARDS_SECONDS:
        samples.append(sample(containers))
    return samples, took


def place(port: int) -> "subprocess.Popen[str]":
    words = ["--count", str(RATE * SECONDS), "--rate", str(RATE)]
    return subprocess.Popen(
        [sys.executable, "-m", "orderctl", "place", "--url", f"http://127.0.0.1:{port}", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def sample(containers: Containers) -> Sample:
    """The current memory of each container, as in `docker stats`: without the file cache."""
    asked = ["docker", "stats", "--no-stream", "--format", "{{json .}}", *containers.ids()]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    prefix = f"{containers.project}-"
    httpx.delete(f"http://127.0.0.1:{containers.ports['MAIL_PORT']}/api/v1/messages", timeout=30)
    return {one["Name"].removeprefix(prefix): megabytes(one["MemUsage"]) for one in found}


def megabytes(usage: str) -> float:
    """Parse `84.07MiB / 192MiB`."""
    match = re.match(r"([0-9.]+)([A-Za-z]+) /", usage)
    if match is None:
        raise ValueError(f"docker stats says {usage!r}")
    return float(match[1]) * UNITS[match[2]] / 1e6


def shown(samples: Sequence[Sample]) -> Table:
    peaks: dict[str, float] = defaultdict(float)
    for one in samples:
        for name, used in one.items():
            peaks[name] = max(peaks[name], used)
    made = table("container", "before, MB", "peak, MB", numbers=("before, MB", "peak, MB"))
    for name in sorted(peaks):
        made.add_row(name, f"{samples[0].get(name, 0):.0f}", f"{peaks[name]:.0f}")
    sums = [sum(one.values()) for one in samples]
    made.add_row("together", f"{sums[0]:.0f}", f"{max(sums):.0f}")
    return made


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
