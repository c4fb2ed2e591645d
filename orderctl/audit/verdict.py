"""What the audit says: a verdict for every order and service, and what follows from all."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Generic, Self, TypeVar

from orderctl.audit.facts import Stock

#: So many things of a kind are named; all of them are counted.
NAMED = 1_000

T = TypeVar("T")
S = TypeVar("S")


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
class Some(Generic[T]):
    """Things of a kind: how many there are, and the first of them, NAMED at most."""

    count: int = 0
    first: tuple[T, ...] = ()

    @classmethod
    def of(cls, things: Iterable[T]) -> Self:
        rest = iter(things)
        first = tuple(islice(rest, NAMED))
        return cls(len(first) + sum(1 for _ in rest), first)

    def each(self, shown: Callable[[T], S]) -> "Some[S]":
        """The same things, shown in other words."""
        return Some(self.count, tuple(map(shown, self.first)))


@dataclass(frozen=True)
class ServiceAudit:
    """Of one service: a verdict for every order, and what belongs to no verdict.

    `orphans`: effects without an order, by the id the far end shows. `resent`: event ids of
    mails that went again with the same Message-ID, and how often each went; `repeats`: how many
    mails that were too many. `resent_on_purpose`: ids of what replays sent again because an
    operator said so. `other_dead_letters`: handles of dead letters that no missing effect explains.
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
        """The first of them."""
        return self.named(verdict).first


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
    """What became of everything. `wrong_balances` is None when they could not be compared.

    `answered`: None without a ledger; `promised`: the same, each order counted once.
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
        """The promise may still be kept, or somebody has to redrive."""
        return bool(
            not self.quiet
            or self.wrong_balances is None
            or self.count(Verdict.WAITING)
            or self.count(Verdict.DEAD_LETTERED)
        )

    def unexplained(self, crashes: int) -> int:
        """Mails that went again, beyond one for each crash."""
        return max(0, self.repeats - crashes)

    def exit_status(self, *, strict: bool, crashes: int = 0) -> int:
        not_all = self.is_unfinished or self.unexplained(crashes)
        return int(bool(self.is_bad or (strict and not_all)))
