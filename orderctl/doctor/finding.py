"""The result of one of the doctor's checks."""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """`about`: the subject; `saw`: the observation; `next`: what to do ("" if all is well).

    A note reports that something could not be checked, without any sign of a problem.
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
