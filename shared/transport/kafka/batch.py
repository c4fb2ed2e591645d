"""Records in flight to Kafka, and the outcome of each."""

from collections.abc import Sequence, Set
from typing import NamedTuple

from confluent_kafka import KafkaError

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport.kafka.wire import Headers

#: Errors that are not the record's fault: no broker accepted it in time.
_UNAVAILABLE = frozenset(
    {
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._PURGE_QUEUE,
        KafkaError._PURGE_INFLIGHT,
        KafkaError._DESTROY,
    }
)
#: Errors that are the record's fault.
_OF_THE_RECORD = frozenset(
    {
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
    }
)


class Outgoing(NamedTuple):
    """A record to publish; `id` identifies it in PublishFailed. A body of None is a tombstone."""

    id: str
    topic: str
    key: bytes | None
    body: bytes | None
    headers: Headers


class TooLarge(PublishFailed):
    """A record that is too large for the broker; retrying cannot succeed."""


class Batch:
    """Records in flight, and the outcome of each."""

    def __init__(self, records: Sequence[Outgoing]) -> None:
        self._records = records
        self._undecided = set(range(len(records)))
        self._errors: dict[int, KafkaError] = {}

    @property
    def undecided(self) -> int:
        return len(self._undecided)

    @property
    def is_decided(self) -> bool:
        return not self._undecided

    def decide(self, number: int, error: KafkaError | None, _record: object = None) -> None:
        self._undecided.discard(number)
        if error is not None:
            self._errors[number] = error

    def check(self) -> None:
        """Raise PublishFailed, or BrokerUnavailable if no record at all was confirmed."""
        if self.is_decided and not self._errors:
            return
        bad = self._undecided | self._errors.keys()
        confirmed = {record.id for n, record in enumerate(self._records) if n not in bad}
        confirmed -= {self._records[n].id for n in bad}
        refusals = [error for error in self._errors.values() if error.code() not in _UNAVAILABLE]
        reasons = refusals or list(self._errors.values())
        reason = f"Kafka: {reasons[0].str() if reasons else 'no confirmation in time'}"
        if any(error.code() == KafkaError.MSG_SIZE_TOO_LARGE for error in refusals):
            raise TooLarge(reason, confirmed=frozenset(confirmed), blameless=self._blameless(bad))
        if confirmed or refusals:
            raise PublishFailed(
                reason, confirmed=frozenset(confirmed), blameless=self._blameless(bad)
            )
        raise BrokerUnavailable(reason)

    def _blameless(self, bad: Set[int]) -> frozenset[str]:
        """Ids of unconfirmed records without fault: their partition may have had no leader."""
        guilty = {n for n, error in self._errors.items() if error.code() in _OF_THE_RECORD}
        return frozenset(self._records[n].id for n in bad - guilty) - {
            self._records[n].id for n in guilty
        }
