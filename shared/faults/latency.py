"""Injected latency: fixed, or random for each call."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from shared.errors import FaultRefused

#: The longest latency, also for random ones.
LONGEST_SECONDS = 60.0
_NUMBER = r"[0-9]{1,2}(?:\.[0-9]{1,6})?"
#: `2`, `uniform:0.5,2`, `exponential:2` or `normal:2,0.5`, in seconds.
PATTERN = rf"^(?:{_NUMBER}|exponential:{_NUMBER}|(?:uniform|normal):{_NUMBER},{_NUMBER})\Z"

_DRAWS: dict[str, Callable[..., float]] = {
    "fixed": lambda _rng, seconds: seconds,
    "uniform": lambda rng, lowest, highest: rng.uniform(lowest, highest),
    "exponential": lambda rng, mean: rng.expovariate(1 / mean) if mean else 0.0,
    "normal": lambda rng, mean, deviation: rng.gauss(mean, deviation),
}


@dataclass(frozen=True, slots=True)
class Latency:
    """`numbers`, in seconds: the latency; lowest and highest; mean; or mean and deviation."""

    kind: str
    numbers: tuple[float, ...]

    def draw(self, rng: Random) -> float:
        return min(max(_DRAWS[self.kind](rng, *self.numbers), 0.0), LONGEST_SECONDS)


def parse_latency(text: str) -> Latency:
    """Raises FaultRefused."""
    if not re.match(PATTERN, text):
        raise FaultRefused(
            f"latency is {text!r}, but takes seconds as in 2, uniform:0.5,2, exponential:2 "
            "or normal:2,0.5"
        )
    kind, _, numbers = text.rpartition(":")
    latency = Latency(kind or "fixed", tuple(float(each) for each in numbers.split(",")))
    if max(latency.numbers) > LONGEST_SECONDS:
        raise FaultRefused(f"latency is {text}, but the maximum is {LONGEST_SECONDS:g} s")
    return latency
