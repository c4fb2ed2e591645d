"""The possible outcomes of a delivery, and their log line."""

from enum import StrEnum

import structlog

from shared.transport import Delivery

log = structlog.get_logger()


class Outcome(StrEnum):
    APPLIED = "applied"
    APPLIED_BEFORE = "applied_before"
    IGNORED = "ignored"
    DEFERRED = "deferred"
    RETRIED = "retried"
    DEAD_LETTERED = "dead_lettered"
    #: Not settled: a process crashed while handling it, so it has to be handled alone.
    SUSPECT = "suspect"


def log_outcome(delivery: Delivery, outcome: Outcome, **facts: object) -> None:
    message = delivery.message
    level = log.warning if outcome in (Outcome.RETRIED, Outcome.DEAD_LETTERED) else log.info
    level(
        f"delivery.{outcome}",
        order=message.key,
        event_id=message.id,
        attempt=message.attempt,
        **facts,
    )
