"""Polling with the patience that a whole system needs on a busy machine."""

from functools import partial

from tests.waiting import eventually as poll

eventually = partial(poll, within=60)
