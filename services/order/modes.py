"""How an order is done: afterwards, by events, or while the client waits, by calls."""

from enum import StrEnum


class Mode(StrEnum):
    #: Written down and published; the consumers do the rest after the answer.
    ASYNC = "async"
    #: Each consumer is called over HTTP, one after the other, before the answer.
    SYNC = "sync"
    #: All consumers are called at the same time, before the answer.
    PARALLEL = "parallel"
