"""Settings of librdkafka for group consumers, with the reasons for not using its defaults."""

from collections.abc import Mapping
from typing import Any

SETTINGS: Mapping[str, Any] = {
    "group.protocol": "consumer",
    # Assigns the partitions of each topic separately. The default assigns all of them together,
    # and may give one consumer all partitions of events and another only idle rungs.
    "group.remote.assignor": "range",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # A new group starts with the oldest event. "latest" would skip the events published before
    # its first consumer joined.
    "auto.offset.reset": "earliest",
    # Needed to learn the end of a partition whose last offset is a transaction marker.
    "enable.partition.eof": True,
    # A pause discards prefetched records, so few are prefetched.
    "queued.min.messages": 1000,
    "queued.max.messages.kbytes": 8 * 1024,
    "fetch.max.bytes": 8 * 1024 * 1024,
    # The pause before it fetches again after its queue was full. The default of 1 s is too long.
    "fetch.queue.backoff.ms": 10,
    # A resumed partition waits for the current fetch to end.
    "fetch.wait.max.ms": 100,
}
