"""What the audit says: a verdict for every order and service, and what follows from all."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from orderctl.audit_evidence import Stock


class Verdict(StrEnum):
    #: Done, exactly once, and as the order says.
    APPLIED = "applied"
    #: Not done, and things were still moving: it may come.
    WAITING = "waiting"
    #: Not done, and in the dead letter queue, where somebody can redrive it.
    DEAD_LETTERED = "dead-lettered"
    #: Not done, nothing moves any more, and it is nowhere.
    LOST = "lost"
    #: Not done, and placed before this service joined: nobody had promised it.
    EARLIER = "earlier"
    #: Done more than once.
    DUPLICATED = "duplicated"
    #: Done, but not what the order says.
    WRONG = "wrong"


@dataclass(frozen=True)
class ServiceAudit:
    """Of one service: a verdict for every order, and what belongs to no verdict.

    `orphans`: effects without an order, by the id the far end shows. `resent`: event ids of
    mails that went again with the same Message-ID. `resent_on_purpose`: ids of what replays sent
    again because an operator said so. `other_dead_letters`: handles of dead letters that no
    missing effect explains.
    """

    service: str
    verdicts: Mapping[str, Verdict]
    orphans: tuple[str, ...]
    resent: tuple[str, ...]
    other_dead_letters: tuple[str, ...]
    resent_on_purpose: tuple[str, ...] = ()

    def orders(self, verdict: Verdict) -> tuple[str, ...]:
        return tuple(id for id, given in self.verdicts.items() if given is verdict)


@dataclass(frozen=True)
class Balance:
    """A product whose pieces do not add up; `stock` is None for one that is not in the stock."""

    product_id: str
    stock: Stock | None
    moved: int


@dataclass(frozen=True)
class HalfDone:
    """An order that was done by calls and failed, or that nobody has ended: `status` says which.
    `done`: the services whose effect is there all the same.
    """

    order_id: str
    status: str
    done: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """What became of everything. `wrong_balances` is None when they could not be compared."""

    quiet: bool
    accepted: int
    answered: int | None
    without_row: tuple[str, ...]
    services: tuple[ServiceAudit, ...]
    wrong_balances: tuple[Balance, ...] | None
    completed: int = 0
    half_done: tuple[HalfDone, ...] = ()

    def count(self, verdict: Verdict) -> int:
        return sum(len(audit.orders(verdict)) for audit in self.services)

    @property
    def orphans(self) -> int:
        return sum(len(audit.orphans) for audit in self.services)

    @property
    def is_bad(self) -> bool:
        """The promise is broken."""
        broken = (Verdict.LOST, Verdict.DUPLICATED, Verdict.WRONG)
        return bool(
            self.without_row
            or self.wrong_balances
            or self.orphans
            or any(self.count(verdict) for verdict in broken)
        )

    @property
    def is_unfinished(self) -> bool:
        """The promise may still be kept, or somebody has to redrive."""
        return bool(
            not self.quiet
            or self.wrong_balances is None
            or self.count(Verdict.WAITING)
            or self.count(Verdict.DEAD_LETTERED)
        )

    def exit_status(self, *, strict: bool) -> int:
        return int(self.is_bad or (strict and self.is_unfinished))
