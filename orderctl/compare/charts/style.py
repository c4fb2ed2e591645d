"""The colours, markers and names of each mode, for all pictures."""

from collections.abc import Mapping
from typing import NamedTuple

from orderctl.compare.results import Mode


class ModeStyle(NamedTuple):
    """`ink`: `colour`, but dark enough for text; `marker` and `hatch` are matplotlib's."""

    colour: str
    ink: str
    marker: str
    hatch: str
    label: str
    explained: str


#: After Okabe and Ito: distinguishable for colour-blind people, and in greyscale by lightness.
#: Synchronous modes have warm colours, the asynchronous one is cool.
MODE_STYLES: Mapping[Mode, ModeStyle] = {
    "sync": ModeStyle(
        *("#d55e00", "#a34700", "s", "", "one call after another"),
        "The order service calls email, SMS, inventory and analytics one after another, and then "
        "responds. If any of them fails, so does the order.",
    ),
    "parallel": ModeStyle(
        *("#e69f00", "#855b00", "^", "////", "all calls at once"),
        "The same calls, all at once: the best that synchronous calls can do. The slowest one "
        "determines the response time, and all of them still have to succeed.",
    ),
    "async": ModeStyle(
        *("#0072b2", "#005a8c", "o", "", "saved, then published as an event"),
        "The order service saves the order and responds. The services receive an event and work "
        "independently; if one is down, its messages wait.",
    ),
}

INK = "#1f2933"
QUIET = "#5f6b76"
FAINT = "#d5dbe1"
