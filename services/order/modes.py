"""How an order is processed: asynchronously through an event, or by synchronous calls."""

from enum import StrEnum


class Mode(StrEnum):
    #: Stored and published; the consumers process it after the response.
    ASYNC = "async"
    #: The consumers are called over HTTP, one after the other, before the response.
    SYNC = "sync"
    #: All consumers are called at the same time, before the response.
    PARALLEL = "parallel"
