"""A consumer for a short comparison: its failures come from a seeded generator, and it restarts
without a pause after every crash.
"""

import itertools
import os
from random import Random

from shared.consuming.effect import Effect
from shared.faults.injection import FaultyEffect
from shared.serving.restarts import GOOD_LIFE_SECONDS, Restarts
from tests.e2e.parts.composing import run_consumer


def seeded(effect: Effect) -> Effect:
    """Use a generator seeded with SEED."""
    assert isinstance(effect, FaultyEffect)
    effect.injector.rng = Random(int(os.environ["SEED"]))
    return effect


if __name__ == "__main__":
    # By this clock, every worker lived long enough to restart without a pause.
    long_lives = itertools.count(step=GOOD_LIFE_SECONDS)
    run_consumer(wrap_effect=seeded, restarts=Restarts(clock=lambda: next(long_lives)))
