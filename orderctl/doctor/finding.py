"""What one check of the doctor found."""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """`about` is what was looked at, `saw` what was there, `next` what to do ("" when fine).

    A note says that something could not be looked at, and that nothing speaks against it.
    """

    level: Level
    about: str
    saw: str
    next: str = ""


def ok(about: str, saw: str) -> Finding:
    return Finding(Level.OK, about, saw)


def note(about: str, saw: str, next_step: str) -> Finding:
    return Finding(Level.NOTE, about, saw, next_step)


def warning(about: str, saw: str, next_step: str) -> Finding:
    return Finding(Level.WARNING, about, saw, next_step)


def problem(about: str, saw: str, next_step: str) -> Finding:
    return Finding(Level.PROBLEM, about, saw, next_step)
