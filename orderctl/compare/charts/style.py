"""What each mode looks like, in every picture, and what it is called."""

from collections.abc import Mapping
from typing import NamedTuple

from orderctl.compare.results import Mode


class ModeStyle(NamedTuple):
    """`ink` is `colour`, dark enough for text; `marker` and `hatch` are matplotlib's."""

    colour: str
    ink: str
    marker: str
    hatch: str
    says: str
    explained: str


#: After Okabe and Ito: told apart by those who are colour-blind, and in grey by their lightness.
#: Calls are warm, events are cool.
MODE_STYLES: Mapping[Mode, ModeStyle] = {
    "sync": ModeStyle(
        *("#d55e00", "#a34700", "s", "", "called in turn"),
        "The order service calls email, SMS, inventory and analytics one after the other, and "
        "then answers. If any of them fails, so does the order.",
    ),
    "parallel": ModeStyle(
        *("#e69f00", "#855b00", "^", "////", "called at the same time"),
        "The same calls, all at once: the best that can be done with calls. The slowest decides "
        "how long it takes, and it still takes all of them.",
    ),
    "async": ModeStyle(
        *("#0072b2", "#005a8c", "o", "", "written down, then published as an event"),
        "The order is written down and answered. An event tells the services, which work on their "
        "own, and a message waits for one that is away.",
    ),
}

INK = "#1f2933"
QUIET = "#5f6b76"
FAINT = "#d5dbe1"
