"""A shop shared by several tests: each breaks another part, and the audit checks all orders."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from orderctl.stack.stack import Stack
from tests.e2e.shop import CONSUMERS, Shop


class Books:
    """What the audit must find after each test: all orders since the shop was opened."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        #: Ids of the orders accepted with 202.
        self.orders: set[str] = set()
        #: How many mails crashes may have repeated.
        self.crashes = 0
        #: How many effects were repeated on purpose, by service.
        self.on_purpose = dict.fromkeys((*CONSUMERS, "shipping"), 0)
        #: The report of the last balanced audit.
        self.report: dict[str, Any] = {}

    @property
    def placed(self) -> int:
        return len(self.orders)

    @property
    def repeats(self) -> int:
        """How many mails had been repeated at the last balance."""
        return int(self.report["services"]["email"]["repeats"]) if self.report else 0

    def place(self, number: int, *, user: str | None = None, rate: float = 100) -> list[str]:
        return self.end_placing(self.shop.begin_placing(number, user=user, rate=rate))

    def end_placing(self, placing: "subprocess.Popen[str]") -> list[str]:
        orders = self.shop.end_placing(placing)
        self.orders.update(orders)
        return orders

    @contextmanager
    def load(self, number: int, *, rate: float, after: int) -> Iterator["subprocess.Popen[str]"]:
        """Run the block under load: `number` orders, once `after` of them have been answered."""
        placing = self.shop.begin_placing(number, rate=rate)
        self.shop.under_load(placing, self.placed + after)
        yield placing
        self.end_placing(placing)

    def balance(self, *, earlier: int = 0) -> dict[str, Any]:
        """Assert that every effect happened once, plus those repeated on purpose, and that there
        are no dead letters. A latecomer has missed `earlier` orders.
        """
        report = self.shop.audit(crashes=self.crashes)
        assert report["exitStatus"] == 0, json.dumps(report, indent=1)
        assert report["quiet"]["reached"]
        assert (report["accepted"], report["answered"]) == (self.placed, self.placed)
        for name, service in report["services"].items():
            expected = self.placed - (earlier if name == "shipping" else 0)
            assert service["applied"] == expected, (name, service)
            assert len(service["resentOnPurpose"]) == self.on_purpose[name], name
        assert self.shop.dead() == {}
        self.report = report
        return report


class SharedShops:
    """The shop of a test file; a new one after a failed test, which may have left it broken."""

    def __init__(self, make: Callable[[Path], AbstractContextManager[Stack]], folder: Path) -> None:
        self._make = make
        self._folder = folder
        self._number = 0
        self._books: Books | None = None
        self._running = ExitStack()

    def books(self) -> Books:
        if self._books is None:
            self._books = self._new_books()
        return self._books

    def _new_books(self) -> Books:
        self._number += 1
        folder = self._folder / str(self._number)
        stack = self._running.enter_context(self._make(folder))
        shop = Shop(stack, folder / "accepted.ndjson")
        shop.open()
        return Books(shop)

    def discard(self) -> None:
        self._books = None
        self._running.close()
