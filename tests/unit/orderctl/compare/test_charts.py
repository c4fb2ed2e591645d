"""The charts show the measured figures as bars, dots and lines."""

from collections.abc import Sequence
from functools import cache
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from orderctl.compare.charts import charts
from orderctl.compare.charts.charts import Picture, draw
from orderctl.compare.results import Moment
from tests.compare_sample import a_scenario, outage, sample

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@cache
def drawn() -> list[Picture]:
    return draw(sample())


def named(name: str, pictures: Sequence[Picture]) -> Picture:
    [found] = [each for each in pictures if each.name == name]
    return found


def panels(name: str) -> list[Axes]:
    return named(name, drawn()).figure.axes


def bars(axes: Axes) -> list[float]:
    """Start and length of each bar, the customer's first."""
    rectangles = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [value for each in rectangles for value in (each.get_x(), each.get_width())]


def values(line: Line2D) -> tuple[list[float], list[float]]:
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def words(picture: Picture) -> str:
    return " | ".join(text.get_text() for axes in picture.figure.axes for text in axes.texts)


def test_there_are_four_charts_each_with_a_description() -> None:
    assert [each.name for each in drawn()] == list(charts.NAMES)
    assert all(each.alt and each.title and each.caption for each in drawn())


def test_the_timeline_has_a_bar_for_each_piece_of_work_and_one_for_the_wait() -> None:
    comparison = sample()
    for axes, waterfall in zip(panels("timeline"), comparison.waterfalls, strict=True):
        work = [value for bar in waterfall.bars for value in (bar.start, bar.seconds)]
        assert bars(axes) == pytest.approx([0.0, waterfall.answered, *work])


def test_all_panels_of_the_timeline_share_one_axis() -> None:
    assert len({axes.get_xlim() for axes in panels("timeline")}) == 1


def test_each_response_is_a_dot_at_its_time() -> None:
    comparison = sample()
    for axes, scenario in zip(panels("response-times"), comparison.scenarios, strict=True):
        dots = [each for each in axes.collections if isinstance(each, PathCollection)]
        seen = np.concatenate([np.asarray(each.get_offsets())[:, 0] for each in dots])
        times = [order.seconds for mode in scenario.modes for order in mode.orders if order.status]
        assert sorted(seen.tolist()) == pytest.approx(sorted(times))
        assert axes.get_xscale() == "log"


def test_the_backlog_is_a_line_through_the_samples_with_labelled_events() -> None:
    run = outage()
    [axes] = panels("backlog")
    lines = {tuple(values(line)[1]) for line in axes.lines if len(values(line)[0]) > 2}
    expected = {
        tuple(sample.waiting[name] for sample in run.samples)
        for name in ("email", "sms", "inventory", "analytics")
    }
    assert lines == expected
    said = words(named("backlog", drawn()))
    assert all(moment.what in said for moment in run.moments)


def test_shares_are_drawn_at_their_values() -> None:
    comparison = sample()
    [axes] = panels("success")
    points = [at for line in axes.lines for at in values(line)[0] if len(values(line)[0]) == 1]
    shares = [mode.success.value * 100 for each in comparison.scenarios for mode in each.modes]
    assert points == pytest.approx(shares)


def test_the_email_outage_is_preferred_for_the_backlog_chart() -> None:
    longer = msgspec.structs.replace(
        a_scenario("burst"),
        runs=(msgspec.structs.replace(outage(), moments=(Moment(0.0, "a burst begins"),)),),
    )
    comparison = sample(scenarios=(longer, a_scenario("email-down")))
    assert "email goes down" in words(named("backlog", draw(comparison)))


def test_a_png_is_wide_enough_for_a_projector() -> None:
    for each in drawn():
        content = each.png()
        assert content.startswith(SIGNATURE)
        assert int.from_bytes(content[16:20]) == 1600


def test_an_svg_is_well_formed_and_has_text_and_a_description() -> None:
    for each in drawn():
        root = ElementTree.fromstring(each.svg())  # noqa: S314 (we have made it)
        assert root.get("aria-label") == each.alt
        assert [child.text for child in root if child.tag.endswith("title")] == [each.title]
        assert any(element.tag.endswith("text") for element in root.iter())


def test_the_same_figures_make_the_same_picture() -> None:
    small = sample(scenarios=(a_scenario("email-down"),))
    assert [each.svg() for each in draw(small)] == [each.svg() for each in draw(small)]


def test_ids_are_unique_within_a_page() -> None:
    ids = [
        element.get("id")
        for each in drawn()
        for element in ElementTree.fromstring(each.svg()).iter()  # noqa: S314
        if element.get("id")
    ]
    assert len(ids) == len(set(ids))


def test_each_picture_names_the_machine() -> None:
    for each in drawn():
        assert "Example CPU 3 GHz, 2 cores" in each.figure.get_supxlabel()
