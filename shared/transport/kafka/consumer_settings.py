"""What librdkafka is told about consuming for a group, and why its defaults do not do."""

from collections.abc import Mapping
from typing import Any

SETTINGS: Mapping[str, Any] = {
    "group.protocol": "consumer",
    # Each topic is divided by itself. The default divides all partitions together, and may give
    # one consumer those of the events and another only the rungs, where nothing happens.
    "group.remote.assignor": "range",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # A group that is new begins with what is there. "latest" would skip what was published
    # before its first consumer came.
    "auto.offset.reset": "earliest",
    # Where a partition ends is behind its last record when that was one of a transaction.
    "enable.partition.eof": True,
    # A pause throws away what was fetched ahead, so not much is.
    "queued.min.messages": 1000,
    "queued.max.messages.kbytes": 8 * 1024,
    "fetch.max.bytes": 8 * 1024 * 1024,
    # It looks again after so long where it had enough. The default of 1 s is a standstill.
    "fetch.queue.backoff.ms": 10,
    # A partition that is resumed waits for the end of the fetch that is under way.
    "fetch.wait.max.ms": 100,
}
