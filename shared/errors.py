"""All errors that the pipeline itself raises, in one small tree.

The type of an error decides the outcome of a delivery: see `shared.consuming.settle.settle`.
"""

from collections.abc import Mapping, Sequence


class PipelineError(Exception):
    """The base class of all errors in this module."""


class SettingsError(PipelineError):
    """A setting is missing or invalid; the message contains its name, value and valid values."""


class ContractError(PipelineError):
    """The bytes received are not a valid event of the contract."""


class DocumentError(PipelineError):
    """The bytes received are not JSON, or not a valid document of the expected type."""


class PermanentError(PipelineError):
    """A retry cannot succeed (SMTP 550, a violated business rule)."""


class OutcomeUnknown(PipelineError):
    """No response arrived. The work may have been done, so each retry may repeat it."""

    def __init__(self, dependency: str, what: object) -> None:
        super().__init__(str(what))
        self.dependency = dependency


class DependencyUnavailable(PipelineError):
    """A dependency is down. The event is not at fault, so no attempt is used.

    `retry_after`: seconds until the next call, if the dependency asked for a pause.
    """

    def __init__(self, dependency: str, cause: object, *, retry_after: float | None = None) -> None:
        super().__init__(f"{dependency} is unavailable: {cause}")
        self.dependency = dependency
        self.retry_after = retry_after


class RefusesAll(DependencyUnavailable):
    """Another system refused several events in a row: an outage, or several faulty events."""


class Refused(PipelineError):
    """Another system refused an event; its reply leaves open whether it refuses all events.

    `kind` is equal for the same refusal of different events. `for_now`: the reply calls the
    refusal temporary. `patience`: seconds after its first failure during which the event is not
    given up.
    """

    def __init__(
        self,
        dependency: str,
        reply: object,
        *,
        kind: str,
        for_now: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"the {dependency} refused it: {reply}")
        self.dependency = dependency
        self.kind = kind
        self.for_now = for_now
        self.retry_after = retry_after
        self.patience = 0.0


class DatabaseUnavailable(DependencyUnavailable):
    """The service's own database is down, not ready or not writable."""

    def __init__(self, cause: object) -> None:
        super().__init__("database", cause)


class BrokerUnavailable(PipelineError):
    """The broker cannot be used, or its connection is lost. It redelivers unsettled messages."""


class BrokerForbids(BrokerUnavailable):
    """The broker is up, but its user lacks permission for the operation."""


class QueuesMissing(BrokerUnavailable):
    """Some queues of a service do not exist; `others`: the depth of each existing queue by name."""

    def __init__(self, missing: Sequence[str], others: Mapping[str, int]) -> None:
        super().__init__(f"these queues do not exist: {', '.join(missing)}")
        self.others = others


class SpanError(PipelineError):
    """The start or end of a span of stored events is invalid, or unsupported by this broker."""


class PublishFailed(PipelineError):
    """Some messages were not confirmed; `confirmed` contains the ids of those that were.

    `blameless`: the ids of messages that failed only because their part of the broker was
    unavailable.
    """

    def __init__(
        self,
        reason: str,
        *,
        confirmed: frozenset[str] = frozenset(),
        blameless: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(reason)
        self.confirmed = confirmed
        self.blameless = blameless


class LeaseHeld(PipelineError):
    """Another process holds the lease on this event; retry after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the lease on this event ends in {seconds:.1f} s")
        self.seconds = seconds


class KilledItsConsumer(PermanentError):
    """Several processes started the event, and each crashed before finishing it."""


class PruneRefused(PipelineError):
    """It is unknown which events may still be redelivered, so nothing may be pruned."""


class ReplayRefused(PipelineError):
    """The replay cannot start: another one is running, or the request cannot be fulfilled."""


class FaultRefused(PipelineError):
    """The request does not describe a valid fault."""


class InjectedFailure(PipelineError):
    """A failure that fault injection raises on request."""
