"""The common figure layout of all pictures, and its export as PNG and SVG."""

import io
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib.style
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orderctl.compare.charts.style import FAINT, INK, QUIET

#: Inches; with DPI, a PNG is 1600 pixels wide.
WIDTH = 10.0
DPI = 160
#: The number of footer characters that fit on a line.
LINE = 115

STYLE: Mapping[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": QUIET,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 12,
    "grid.color": FAINT,
    "hatch.color": "white",
    "text.color": INK,
    # A dollar sign in a title is not a formula.
    "text.parse_math": False,
    "xtick.color": QUIET,
    "ytick.color": INK,
    "ytick.left": False,
    # Text stays searchable, and the same figures make the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "orderctl compare",
}


@contextmanager
def styled() -> Iterator[None]:
    """Use our style only, whatever the user's matplotlibrc contains."""
    with matplotlib.style.context(["default", dict(STYLE)], after_reset=True):
        yield


def sheet(title: str, footer: str, *, height: float) -> Figure:
    """A figure with its title at the upper left and its source at the lower left."""
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    figure.set_layout_engine("constrained", h_pad=0.09, w_pad=0.12)
    figure.suptitle(title, x=0.012, ha="left", fontsize=17, fontweight="bold")
    lines = "\n".join(textwrap.fill(line, LINE) for line in footer.splitlines())
    figure.supxlabel(lines, x=0.012, ha="left", fontsize=9.5, color=QUIET)
    return figure


def clear_y(axes: Axes) -> None:
    """Named rows need no axis, only vertical grid lines."""
    axes.grid(visible=True, axis="x", linewidth=0.8)
    axes.tick_params(axis="x", length=0)


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    with styled():
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def svg(figure: Figure, *, name: str, title: str, alt: str) -> str:
    """An `<svg>` element to embed in a page, as wide as its container, with `alt` as its label.

    `name` is a prefix of each id, since a page has several pictures and its ids must be unique.
    """
    file = io.StringIO()
    with styled():
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", *ABOUT)))
    width, height = figure.get_size_inches() * 72
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(alt)}">'
        f"<title>{escape(title)}</title>{_inside(file.getvalue(), name)}"
    )


#: Metadata that matplotlib would otherwise write.
ABOUT = ("Creator", "Format", "Type")


def _inside(document: str, name: str) -> str:
    """The content of the `<svg>` element, with its closing tag."""
    inside = document[document.index(">", document.index("<svg")) + 1 :]
    # Its style sheet would apply to the whole page; report.css has the same rules for pictures.
    before, _, rest = inside.partition("<defs>\n  <style")
    inside = before + rest.partition("</defs>")[2] if rest else inside
    for reference in (' id="', "url(#", 'href="#'):
        inside = inside.replace(reference, f"{reference}{name}-")
    return inside
