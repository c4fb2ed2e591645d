"""Consuming from Kafka: what a service has in hand, and how each delivery ends."""

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

#: How long a new member waits for its partitions before it says that it is there. One that
#: gets none, since there are more consumers than partitions, waits in vain.
JOIN_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class KafkaDelivery:
    claim: Claim
    _subscription: "KafkaSubscription"

    @property
    def message(self) -> Message:
        return self.claim.record.message

    def ack(self) -> None:
        """Noted here: the offset is committed a moment later, as far as there is no gap."""
        self._subscription.acknowledge(self)

    def retry(self, after: float, failure: Failure | None) -> None:
        self._subscription.retry(self, after, failure)

    def dead_letter(self, reason: str) -> None:
        self._subscription.dead_letter(self, reason)


class KafkaSubscription:
    """Receives in one thread; deliveries may be settled from any."""

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
        """`delays`: the topics to consume, and how many seconds the records of each wait.
        `revoke_patience`: for so many seconds a partition that goes to another consumer waits.
        `silence`: for so many seconds nothing may come of a partition in which more is.
        """
        self._layout = address.layout
        self._service = service
        self._prefetch = prefetch
        self._assigned = AssignedPartitions(delays)
        #: Guards the partitions, and is told whenever there may be more to receive.
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

    def trouble(self) -> str | None:
        return self._member.trouble()

    def held(self) -> int:
        return 0

    def _until_due(self, left: float) -> float:
        due = self._assigned.next_due()
        # What is due already waits for something else, for room, and is told about that.
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
            self.dead_letter(delivery, f"cannot be kept for a retry: {refused}")

    def dead_letter(self, delivery: KafkaDelivery, reason: str) -> None:
        record = delivery.claim.record
        history = {REASON_HEADER: reason[:MAX_REASON], AT_HEADER: datetime.now(UTC).isoformat()}
        # The same delivery given up twice, by a crash before its offset was committed, is one
        # dead letter: the second replaces the first.
        key = f"{record.partition[0]}/{record.partition[1]}/{record.offset}@{record.at}".encode()
        topic, body = self._layout.dead(self._service), record.message.body
        headers = headers_of(record.message) + encode(history)
        letter = _from(delivery, Outgoing(record.message.id, topic, key, body, headers))
        try:
            self._move(delivery, letter)
        except TooLarge as refused:
            # It would come back for ever, and nothing behind it would ever count as done.
            log.error("dead_letter.without_body", event_id=record.message.id, bytes=len(body))
            history[REASON_HEADER] = f"its body was not kept, {refused}: {reason}"[:MAX_REASON]
            history[f"{PREFIX}id"] = record.message.id[:MAX_REASON]
            stub = letter._replace(body=b"", headers=encode(history))
            self._move(delivery, _from(delivery, stub))

    def _move(self, delivery: KafkaDelivery, outgoing: Outgoing) -> None:
        """Publish first, acknowledge then: a crash in between makes a duplicate, never a loss."""
        with self._changed:
            self._expect_in_hand(delivery)
        try:
            self._sender.send([outgoing])
        except TooLarge:
            raise
        except (PublishFailed, BrokerUnavailable) as failed:
            # Held here, the delivery would never come again; another member starts with it.
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
            reason = f"{delivery.message.id} is no longer in this consumer's hands"
            # Whoever holds this one may hold others of its batch, and gives up all of them.
            self._member.end(reason)
            raise BrokerUnavailable(reason)

    def close(self) -> None:
        """Commit what was settled and leave the group; others go on from there."""
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
    """The record with a note of where its message was read first."""
    origin = origin_headers(delivery.claim.record.origin)
    return outgoing._replace(headers=[*outgoing.headers, *origin])
