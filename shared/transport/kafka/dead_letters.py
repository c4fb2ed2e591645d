"""The dead letters of one service on Kafka: browse, redrive, discard.

A log keeps all records, so the topic is compacted and works as a table: each dead letter has its
own key, and a record with that key and no body (a tombstone) deletes it.
"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import confluent_kafka

from shared.transport.kafka.address import KafkaAddress
from shared.transport.kafka.assigned_partitions import Origin
from shared.transport.kafka.batch import Outgoing
from shared.transport.kafka.compacted_topic import Rows, changing, looking
from shared.transport.kafka.producer import Sender
from shared.transport.kafka.publisher import to_topic
from shared.transport.kafka.wire import AT_HEADER, REASON_HEADER, origin_headers, read, text
from shared.transport.message import PART, DeadLetter, moving


@dataclass(frozen=True, slots=True)
class Kept:
    """A dead letter and the position at which its message was first read."""

    letter: DeadLetter
    origin: Origin


class KafkaDeadLetters:
    def __init__(self, address: KafkaAddress, service: str) -> None:
        self._address = address
        self._topic = address.layout.dead(service)
        self._redriven = address.layout.redriven(service)

    def count(self) -> int:
        with looking(self._address, self._topic) as rows:
            return len(rows)

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        return list(islice(self.scan(), limit))

    def scan(self) -> Generator[DeadLetter, None, None]:
        """All dead letters, oldest first."""
        with looking(self._address, self._topic) as rows:
            for row in rows:
                yield _kept(row).letter

    def redrive(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        """After a crash halfway, letters already sent remain; the next redrive resends them."""
        with (
            moving() as moved,
            changing(self._address, self._topic) as rows,
            Sender(self._address) as sender,
        ):
            for part in _parts(_chosen(rows, handles, most)):
                sender.send([self._as_new(kept) for kept in part.values()])
                moved += [kept.letter for kept in part.values()]
                self._remove(sender, part)
        return moved

    def discard(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        with (
            moving() as moved,
            changing(self._address, self._topic) as rows,
            Sender(self._address) as sender,
        ):
            for part in _parts(_chosen(rows, handles, most)):
                self._remove(sender, part)
                moved += [kept.letter for kept in part.values()]
        return moved

    def _as_new(self, kept: Kept) -> Outgoing:
        outgoing = to_topic(self._redriven, kept.letter.message.as_new())
        return outgoing._replace(headers=[*outgoing.headers, *origin_headers(kept.origin)])

    def _remove(self, sender: Sender, chosen: Mapping[bytes, Kept]) -> None:
        sender.send([Outgoing(text(key), self._topic, key, None, []) for key in chosen])


def _parts(chosen: Iterator[tuple[bytes, Kept]]) -> Iterator[dict[bytes, Kept]]:
    while part := dict(islice(chosen, PART)):
        yield part


def _chosen(rows: Rows, handles: Collection[str] | None, most: int) -> Iterator[tuple[bytes, Kept]]:
    letters = ((row.key() or b"", _kept(row)) for row in rows)
    if handles is None:
        return islice(letters, most)
    wanted = frozenset(handles)
    return (each for each in letters if each[1].letter.handle in wanted)


def _kept(row: "confluent_kafka.Message[bytes, bytes]") -> Kept:
    record, headers = read(row)
    reason = headers.get(REASON_HEADER, "") or "no reason was given"
    return Kept(DeadLetter(record.message, reason, headers.get(AT_HEADER, "")), record.origin)
