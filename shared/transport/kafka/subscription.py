"""Consumes from Kafka: receives deliveries, and acknowledges, retries or dead-letters them."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import structlog

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport.kafka.address import KafkaAddress
from shared.transport.kafka.assigned_partitions import AssignedPartitions, Claim
from shared.transport.kafka.batch import Outgoing, TooLarge
from shared.transport.kafka.group_member import REVOKE_PATIENCE, Member
from shared.transport.kafka.producer import Sender
from shared.transport.kafka.publisher import to_topic
from shared.transport.kafka.silent_partitions import SILENCE
from shared.transport.kafka.wire import (
    AT_HEADER,
    PREFIX,
    REASON_HEADER,
    encode,
    headers_of,
    origin_headers,
)
from shared.transport.message import MAX_REASON, Failure, Message
from shared.transport.names import deferral_rung

log = structlog.get_logger()

#: How long `KafkaSubscription()` waits for partitions. If there are more consumers than
#: partitions, one may get none.
JOIN_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class KafkaDelivery:
    claim: Claim
    _subscription: "KafkaSubscription"

    @property
    def message(self) -> Message:
        return self.claim.record.message

    def ack(self) -> None:
        """Mark the record as finished; its offset is committed soon, once there is no gap."""
        self._subscription.acknowledge(self)

    def retry(self, after: float, failure: Failure | None) -> None:
        self._subscription.retry(self, after, failure)

    def dead_letter(self, reason: str) -> None:
        self._subscription.dead_letter(self, reason)


class KafkaSubscription:
    """Call `receive` from one thread only; deliveries may be settled from any."""

    def __init__(
        self,
        address: KafkaAddress,
        service: str,
        delays: Mapping[str, float],
        *,
        prefetch: int,
        revoke_patience: float = REVOKE_PATIENCE,
        silence: float = SILENCE,
    ) -> None:
        """`delays`: the topics to consume, and the delay of their records in seconds.
        `revoke_patience`: seconds for which a revocation waits for the work in hand.
        `silence`: seconds after which a partition with undelivered records is a problem.
        """
        self._layout = address.layout
        self._service = service
        self._prefetch = prefetch
        self._assigned = AssignedPartitions(delays)
        #: Guards the partitions, and is notified whenever there may be more to receive.
        self._changed = threading.Condition()
        self._sender = Sender(address)
        self._member = Member(
            address,
            service,
            delays,
            self._assigned,
            self._changed,
            revoke_patience=revoke_patience,
            silence=silence,
        )
        self._member.wait_joined(JOIN_TIMEOUT)

    def receive(self, max_messages: int, timeout: float) -> Sequence[KafkaDelivery]:
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                self._member.check()
                room = min(max_messages, self._prefetch - self._assigned.unfinished())
                claims = self._assigned.take(room, time.time()) if room > 0 else []
                left = deadline - time.monotonic()
                if claims or left <= 0:
                    return [KafkaDelivery(claim, self) for claim in claims]
                self._changed.wait(self._until_due(left))

    def problem(self) -> str | None:
        return self._member.problem()

    def held(self) -> int:
        return 0

    def _until_due(self, left: float) -> float:
        due = self._assigned.next_due()
        # A record that is already due waits for room, of which `_changed` is notified.
        wait = left if due is None else due - time.time()
        return min(wait, left) if wait > 0 else left

    def acknowledge(self, delivery: KafkaDelivery) -> None:
        with self._changed:
            self._expect_in_hand(delivery)
            delivery.claim.tracker.finish(delivery.claim.record.offset)
            self._changed.notify_all()

    def retry(self, delivery: KafkaDelivery, after: float, failure: Failure | None) -> None:
        message = delivery.message.failed(failure) if failure else delivery.message
        topic = self._layout.retry(self._service, self._rung(after, failure))
        try:
            self._move(delivery, _from(delivery, to_topic(topic, message)))
        except TooLarge as refused:
            self.dead_letter(delivery, f"cannot be stored for a retry: {refused}")

    def dead_letter(self, delivery: KafkaDelivery, reason: str) -> None:
        record = delivery.claim.record
        history = {REASON_HEADER: reason[:MAX_REASON], AT_HEADER: datetime.now(UTC).isoformat()}
        # If a crash before the commit makes the same delivery a dead letter twice, the second one
        # replaces the first.
        key = f"{record.partition[0]}/{record.partition[1]}/{record.offset}@{record.at}".encode()
        topic, body = self._layout.dead(self._service), record.message.body
        headers = headers_of(record.message) + encode(history)
        letter = _from(delivery, Outgoing(record.message.id, topic, key, body, headers))
        try:
            self._move(delivery, letter)
        except TooLarge as refused:
            # Otherwise it would be redelivered for ever and block the offset of its partition.
            log.error("dead_letter.without_body", event_id=record.message.id, bytes=len(body))
            history[REASON_HEADER] = f"its body was not stored, {refused}: {reason}"[:MAX_REASON]
            history[f"{PREFIX}id"] = record.message.id[:MAX_REASON]
            stub = letter._replace(body=b"", headers=encode(history))
            self._move(delivery, _from(delivery, stub))

    def _move(self, delivery: KafkaDelivery, outgoing: Outgoing) -> None:
        """Publish first, then acknowledge: a crash in between causes a duplicate, never a loss."""
        with self._changed:
            self._expect_in_hand(delivery)
        try:
            self._sender.send([outgoing])
        except TooLarge:
            raise
        except (PublishFailed, BrokerUnavailable) as failed:
            # Leave the group, so that another member gets the delivery; otherwise none would.
            self._member.end(str(failed))
            raise BrokerUnavailable(str(failed)) from failed
        self.acknowledge(delivery)

    def _rung(self, after: float, failure: Failure | None) -> float:
        ladder = self._layout.ladder
        if not failure:
            return deferral_rung(after, ladder)
        if after not in ladder:
            raise ValueError(f"{after} is not a rung of the ladder {tuple(ladder)}")
        return after

    def _expect_in_hand(self, delivery: KafkaDelivery) -> None:
        self._member.check()
        if not self._assigned.holds(delivery.claim):
            reason = f"{delivery.message.id} no longer belongs to this consumer"
            # The caller abandons the whole batch: the rest has to be redelivered too.
            self._member.end(reason)
            raise BrokerUnavailable(reason)

    def close(self) -> None:
        """Commit settled offsets and leave the group; other members continue from there."""
        self._member.close()
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _from(delivery: KafkaDelivery, outgoing: Outgoing) -> Outgoing:
    """The record with the position at which its message was first read."""
    origin = origin_headers(delivery.claim.record.origin)
    return outgoing._replace(headers=[*outgoing.headers, *origin])
