"""The dead letters of one service on Kafka, for people: look, send back, throw away.

A log keeps everything, so the topic is compacted and works as a table: each dead letter is
written under a key of its own, and a record of that key without a body takes it away.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import confluent_kafka

from shared.transport.kafka_address import Address
from shared.transport.kafka_batch import Outgoing
from shared.transport.kafka_lanes import Origin
from shared.transport.kafka_producer import Sender
from shared.transport.kafka_publisher import to_topic
from shared.transport.kafka_table import Rows, changing, look
from shared.transport.kafka_wire import AT_HEADER, REASON_HEADER, origin_headers, read, text
from shared.transport.message import DeadLetter, moving

BATCH = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """A dead letter with what only Kafka knows of it."""

    letter: DeadLetter
    origin: Origin


class KafkaDeadLetters:
    def __init__(self, address: Address, service: str) -> None:
        self._address = address
        self._topic = address.layout.dead(service)
        self._redriven = address.layout.redriven(service)

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        rows = list(look(self._address, self._topic).values())
        return [_kept(row).letter for row in rows[:limit]]

    def count(self) -> int:
        return len(look(self._address, self._topic))

    def redrive(self, handles: Collection[str] | None = None) -> Sequence[DeadLetter]:
        """Killed in the middle, it leaves letters that were sent already: they are sent again."""
        with (
            moving() as moved,
            changing(self._address, self._topic) as rows,
            Sender(self._address) as sender,
        ):
            chosen = _chosen(rows, handles)
            for part in _parts(chosen):
                sender.send([self._as_new(kept) for kept in part.values()])
                moved += [kept.letter for kept in part.values()]
            for part in _parts(chosen):
                self._remove(sender, part)
        return moved

    def discard(self, handles: Collection[str] | None = None) -> Sequence[DeadLetter]:
        with (
            moving() as moved,
            changing(self._address, self._topic) as rows,
            Sender(self._address) as sender,
        ):
            for part in _parts(_chosen(rows, handles)):
                self._remove(sender, part)
                moved += [kept.letter for kept in part.values()]
        return moved

    def _as_new(self, kept: Kept) -> Outgoing:
        outgoing = to_topic(self._redriven, kept.letter.message.as_new())
        return outgoing._replace(headers=[*outgoing.headers, *origin_headers(kept.origin)])

    def _remove(self, sender: Sender, chosen: Mapping[bytes, Kept]) -> None:
        sender.send([Outgoing(text(key), self._topic, key, None, []) for key in chosen])


def _parts(chosen: Mapping[bytes, Kept]) -> Iterator[dict[bytes, Kept]]:
    keys = list(chosen)
    for start in range(0, len(keys), BATCH):
        yield {key: chosen[key] for key in keys[start : start + BATCH]}


def _chosen(rows: Rows, handles: Collection[str] | None) -> dict[bytes, Kept]:
    letters = {key: _kept(row) for key, row in rows.items()}
    if handles is None:
        return letters
    wanted = frozenset(handles)
    return {key: kept for key, kept in letters.items() if kept.letter.handle in wanted}


def _kept(row: "confluent_kafka.Message[bytes, bytes]") -> Kept:
    record, headers = read(row)
    reason = headers.get(REASON_HEADER, "") or "no reason was given"
    return Kept(DeadLetter(record.message, reason, headers.get(AT_HEADER, "")), record.origin)
