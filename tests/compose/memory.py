"""`python -m tests.compose.memory [kafka]`: how much memory all containers use while orders pass.

It brings the system up from nothing beside whatever else runs, with three email containers,
places 50 orders a second through the published port for a minute, and reads `docker stats` all
the while. Exit status 1 when the sum went over what is promised, or the orders did not keep pace.

Mails that were received are deleted now and then. Mailpit keeps them on disk, but a server that
holds them in memory would be measured for what it collects, and not for what passes.
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
#: Orders that came more slowly than this would say little about the memory that they take.
SLOWEST = 1.2
#: Mails, texts and stock movements go on for a little after the last order.
AFTERWARDS_SECONDS = 10
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

#: Megabytes (10⁶ bytes) by container.
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
    """Samples from before the first order until after the last, and the seconds in between."""
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
    """What each container uses now, as `docker stats` counts it: without the file cache."""
    asked = ["docker", "stats", "--no-stream", "--format", "{{json .}}", *containers.ids()]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    prefix = f"{containers.project}-"
    httpx.delete(f"http://127.0.0.1:{containers.ports['MAIL_PORT']}/api/v1/messages", timeout=30)
    return {one["Name"].removeprefix(prefix): megabytes(one["MemUsage"]) for one in found}


def megabytes(usage: str) -> float:
    """From `84.07MiB / 192MiB`."""
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
