"""Every error that the pipeline itself raises, in one small tree.

The type decides what becomes of an event; `shared.consuming.settle.settle` is where.
"""

from collections.abc import Mapping, Sequence


class PipelineError(Exception):
    """The root: catch it to catch everything that is ours."""


class SettingsError(PipelineError):
    """A setting is missing or wrong; the message names it, what it got and what it takes."""


class ContractError(PipelineError):
    """The bytes received are not an event that the contract describes."""


class DocumentError(PipelineError):
    """The bytes received are not JSON, or not the document that was expected."""


class PermanentError(PipelineError):
    """Doing this work again cannot end differently (SMTP 550, a business rule broken)."""


class OutcomeUnknown(PipelineError):
    """No answer came to what was asked for. It may be done, so each attempt may repeat it."""

    def __init__(self, dependency: str, what: object) -> None:
        super().__init__(str(what))
        self.dependency = dependency


class DependencyUnavailable(PipelineError):
    """Something that the work needs is away. The event is not at fault, so no attempt is used.

    `retry_after`: for so many seconds it asks to be left alone, where it says so.
    """

    def __init__(self, dependency: str, cause: object, *, retry_after: float | None = None) -> None:
        super().__init__(f"{dependency} is unavailable: {cause}")
        self.dependency = dependency
        self.retry_after = retry_after


class RefusesAll(DependencyUnavailable):
    """It refused several events in a row. That is an outage, or there are many such events."""


class Refused(PipelineError):
    """Another system says no, and one reply cannot tell whether to this event or to all of them.

    `kind` is equal for the same refusal of different events. `for_now`: it says that this will
    pass. `patience`: for so many seconds after its first failure, the event is not given up.
    """

    def __init__(
        self,
        dependency: str,
        said: object,
        *,
        kind: str,
        for_now: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"the {dependency} refused it: {said}")
        self.dependency = dependency
        self.kind = kind
        self.for_now = for_now
        self.retry_after = retry_after
        self.patience = 0.0


class DatabaseUnavailable(DependencyUnavailable):
    """The service's own database does not answer."""

    def __init__(self, cause: object) -> None:
        super().__init__("database", cause)


class BrokerUnavailable(PipelineError):
    """The connection to the broker is gone. What was not settled will be delivered again."""


class BrokerForbids(BrokerUnavailable):
    """The broker is there, and its user has no permission for what was asked."""


class QueuesMissing(BrokerUnavailable):
    """Some queues of a service do not exist; `others` holds the depth of those that do, by name."""

    def __init__(self, missing: Sequence[str], others: Mapping[str, int]) -> None:
        super().__init__(f"these queues do not exist: {', '.join(missing)}")
        self.others = others


class SpanError(PipelineError):
    """A start or an end of stored events that is none, or that this broker does not know."""


class PublishFailed(PipelineError):
    """Some messages were not confirmed; `confirmed` holds the ids of those that were.

    `blameless`: those that were not refused for their own sake. A part of the broker was
    unavailable, and it is where they had to go.
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
    """Somebody is doing this work right now, or was until a moment ago: come back later."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the lease on this event ends in {seconds:.1f} s")
        self.seconds = seconds


class KilledItsConsumer(PermanentError):
    """The event was started several times, and no process lived to see the end of it."""


class PruneRefused(PipelineError):
    """It cannot be told what may still come again, and so nothing may be forgotten."""


class ReplayRefused(PipelineError):
    """This replay cannot begin: another one runs, or what it asks for is not to be had."""


class FaultRefused(PipelineError):
    """What was asked for is no fault."""


class InjectedFailure(PipelineError):
    """A failure that somebody asked for, to see what becomes of the work."""
