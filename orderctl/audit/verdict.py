"""The audit's result: a verdict for every order and service, and the overall conclusions."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Generic, Self, TypeVar

from orderctl.audit.facts import Stock

#: The most entries of a kind that are listed; all of them are counted.
NAMED = 1_000

T = TypeVar("T")
S = TypeVar("S")


class Verdict(StrEnum):
    #: Applied exactly once, and as ordered.
    APPLIED = "applied"
    #: Not applied yet, while messages were still moving.
    WAITING = "waiting"
    #: Not applied; the event is in the dead letter queue, where it can be redriven.
    DEAD_LETTERED = "dead-lettered"
    #: Not applied, although nothing moves any more.
    LOST = "lost"
    #: Not applied, and placed before this service joined, so not promised.
    EARLIER = "earlier"
    #: Applied more than once.
    DUPLICATED = "duplicated"
    #: Applied, but not as ordered.
    WRONG = "wrong"


@dataclass(frozen=True)
class Some(Generic[T]):
    """The number of entries of a kind, and the first of them, at most NAMED."""

    count: int = 0
    first: tuple[T, ...] = ()

    @classmethod
    def of(cls, things: Iterable[T]) -> Self:
        rest = iter(things)
        first = tuple(islice(rest, NAMED))
        return cls(len(first) + sum(1 for _ in rest), first)

    def each(self, shown: Callable[[T], S]) -> "Some[S]":
        """The same entries, converted by `shown`."""
        return Some(self.count, tuple(map(shown, self.first)))


@dataclass(frozen=True)
class ServiceAudit:
    """One service's verdicts for all orders, and its effects outside any verdict.

    `orphans`: effects without an order, by their downstream id. `resent`: event ids of emails
    sent again with the same Message-ID, and how often each was sent; `repeats`: the number of
    surplus emails. `resent_on_purpose`: ids of effects that replays resent at an operator's
    request. `other_dead_letters`: handles of dead letters that explain no missing effect.
    """

    service: str
    verdicts: Mapping[Verdict, Some[str]]
    orphans: Some[str] = Some()
    resent: Some[tuple[str, int]] = Some()
    repeats: int = 0
    other_dead_letters: Some[str] = Some()
    resent_on_purpose: Some[str] = Some()

    def named(self, verdict: Verdict) -> Some[str]:
        return self.verdicts.get(verdict, Some())

    def count(self, verdict: Verdict) -> int:
        return self.named(verdict).count

    def orders(self, verdict: Verdict) -> tuple[str, ...]:
        """The first order ids with this verdict."""
        return self.named(verdict).first


@dataclass(frozen=True)
class Balance:
    """A product whose pieces do not add up; `stock` is None if it is not stocked."""

    product_id: str
    stock: Stock | None
    moved: int


@dataclass(frozen=True)
class HalfDone:
    """A synchronous order that failed or is still pending.

    `status`: failed or pending. `done`: the services that have applied it all the same.
    """

    order_id: str
    status: str
    done: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """The complete result. `wrong_balances`: None if they could not be compared.

    `answered`: the number of responses, None without a ledger; `promised`: of distinct orders.
    `other_status`: orders whose clients were told another status.
    """

    quiet: bool
    accepted: int
    services: tuple[ServiceAudit, ...]
    wrong_balances: tuple[Balance, ...] | None = ()
    answered: int | None = None
    promised: int = 0
    without_row: Some[str] = Some()
    other_status: Some[str] = Some()
    completed: int = 0
    half_done: Some[HalfDone] = Some()

    def count(self, verdict: Verdict) -> int:
        return sum(audit.count(verdict) for audit in self.services)

    @property
    def orphans(self) -> int:
        return sum(audit.orphans.count for audit in self.services)

    @property
    def repeats(self) -> int:
        return sum(audit.repeats for audit in self.services)

    @property
    def resent_on_purpose(self) -> int:
        return sum(audit.resent_on_purpose.count for audit in self.services)

    @property
    def is_bad(self) -> bool:
        """The promise is broken."""
        broken = (Verdict.LOST, Verdict.DUPLICATED, Verdict.WRONG)
        return bool(
            self.without_row.count
            or self.other_status.count
            or self.wrong_balances
            or self.orphans
            or any(self.count(verdict) for verdict in broken)
        )

    @property
    def is_unfinished(self) -> bool:
        """The promise may still be kept, by itself or after a redrive."""
        return bool(
            not self.quiet
            or self.wrong_balances is None
            or self.count(Verdict.WAITING)
            or self.count(Verdict.DEAD_LETTERED)
        )

    def unexplained(self, crashes: int) -> int:
        """Emails sent again, beyond one for each crash."""
        return max(0, self.repeats - crashes)

    def exit_status(self, *, strict: bool, crashes: int = 0) -> int:
        not_all = self.is_unfinished or self.unexplained(crashes)
        return int(bool(self.is_bad or (strict and not_all)))
