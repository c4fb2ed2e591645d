"""A consumer for a short comparison: what fails is decided by a seeded dice, and after a crash it
starts again at once, however many there were.
"""

import itertools
import os
from random import Random

from shared.consuming.effect import Effect
from shared.faults.injection import FaultyEffect
from shared.serving.restarts import GOOD_LIFE_SECONDS, Restarts
from tests.e2e.parts.composing import run_consumer


def seeded(effect: Effect) -> Effect:
    """With the dice of the seed SEED."""
    assert isinstance(effect, FaultyEffect)
    effect.injector.rng = Random(int(os.environ["SEED"]))
    return effect


if __name__ == "__main__":
    # To this clock, each worker lived for long enough.
    long_lives = itertools.count(step=GOOD_LIFE_SECONDS)
    run_consumer(wrap_effect=seeded, restarts=Restarts(clock=lambda: next(long_lives)))
