"""Gantt charts: every bar is where and as long as it says, at any number of rows and bars."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from formulations import InputError
from solver.reporting.pictures import Bar, gantt_figure, save_figure
from solver.reporting.pictures.gantt import Gantt, gantt_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def random_bars(seed: int, rows: int, number: int, span: int = 1000) -> list[Bar]:
    """Return bars that overlap a lot."""
    draw = random.Random(seed)  # noqa: S311 - a seeded sample, not a secret
    starts = [draw.randrange(span) for _ in range(number)]
    return [Bar(draw.randrange(rows), s, s + draw.randrange(span // 4), f"vm-{s}", f"g{s % 5}") for s in starts]


def boxes(ax: Axes) -> list[tuple[float, float, float, float]]:
    """Return left, top, right and bottom of every bar that is drawn."""
    found = []
    for collection in ax.collections:
        for path in collection.get_paths():
            corners = np.asarray(path.vertices, dtype=np.float64)
            low, high = corners.min(axis=0), corners.max(axis=0)
            found.append((float(low[0]), float(low[1]), float(high[0]), float(high[1])))
    return found


def test_bars_are_as_long_as_they_say_in_a_unit_that_reads_well() -> None:
    """Two minutes given in milliseconds are drawn as 120 seconds, and the axis says so."""
    figure = gantt_figure(["h"], [Bar(0, 30_000, 119_000, "vm")], headline="x", unit="ms")
    [ax] = figure.axes
    assert ax.get_xlabel() == "time (s)"
    [(left, _, right, _)] = boxes(ax)
    assert (left, right) == (30.0, 119.0)
    [ax] = gantt_figure(["h"], [Bar(0, 0, 1_500)], headline="x", unit="us").axes
    assert ax.get_xlabel() == "time (µs)"


def test_bars_of_a_row_never_lie_on_one_another() -> None:
    """Overlapping bars get lanes of their own, so that none hides another."""
    for seed in range(5):
        [ax] = gantt_figure(["a", "b", "c"], random_bars(seed, 3, 60), headline="x").axes
        drawn = boxes(ax)
        assert len(drawn) == 60
        for n, one in enumerate(drawn):
            for other in drawn[:n]:
                apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
                short = min(one[2] - one[0], other[2] - other[0]) < 5  # drawn a hair's breadth wide
                assert apart or short


def test_every_bar_lies_beside_the_name_of_its_row() -> None:
    """A bar in the lanes of another row would accuse the wrong host."""
    bars = [Bar(row, 10 * row + 5, 10 * row + 9) for row in (0, 0, 1, 1, 2, 2)]
    [ax] = gantt_figure(["a", "b", "c"], bars, headline="x").axes
    ticks = dict(zip(ax.get_yticks().tolist(), [label.get_text() for label in ax.get_yticklabels()], strict=True))
    for left, top, _, bottom in boxes(ax):
        nearest = min(ticks, key=lambda at: abs(at - (top + bottom) / 2))
        assert ticks[nearest] == "abc"[int(left) // 10]


def test_labels_stand_only_where_they_fit() -> None:
    """A label that runs over its neighbours is worse than none."""
    bars = [Bar(0, 0, 600, "wide"), Bar(0, 600, 604, "narrow"), Bar(0, 604, 1000, "name " * 40)]
    [ax] = gantt_figure(["h"], bars, headline="x").axes
    assert [text.get_text() for text in ax.texts] == ["wide"]


def test_the_legend_names_groups_kinds_and_marks() -> None:
    """A colour or hatch that nobody explains says nothing; what is not in the chart is not explained."""
    bars = [Bar(0, 0, 5, key="web"), Bar(0, 5, 9, key="_db", kind="hatched")]
    figure = gantt_figure(["h"], bars, headline="x", kinds={"hatched": "bypass", "alarm": "stopped"}, marks={"end": 9})
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text().strip() for text in legend.get_texts()] == ["web", "_db", "bypass", "end"]


def test_two_hundred_rows_and_two_thousand_bars_stay_readable(tmp_path: Path) -> None:
    """A data centre on one page: as many bars as were given, all row names, a height that screens can scroll."""
    names = [f"host-{n}" for n in range(200)]
    bars = random_bars(1, 200, 2000)
    figure = gantt_figure(names, bars, headline="all", dividers=[0, 100])
    [ax] = figure.axes
    assert len(boxes(ax)) == 2000
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    assert figure.get_size_inches()[1] < 40
    save_figure(figure, tmp_path / "all.png", dots_per_inch=30)
    assert (tmp_path / "all.png").stat().st_size > 10_000


def test_more_rows_than_fit_are_left_out_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence about what is missing would be a lie."""
    monkeypatch.setattr("solver.reporting.pictures.gantt_charts.MOST_ROWS", 10)
    figure = gantt_figure([str(n) for n in range(15)], [Bar(11, 0, 9)], headline="x")
    assert any("The first 10 of 15 rows" in text.get_text() for text in figure.texts)
    assert boxes(figure.axes[0]) == []


def test_names_are_printed_as_they_are() -> None:
    """Dollar signs and underscores are mathematics to matplotlib, and names to people."""
    figure = gantt_figure(["$x_1$"], [Bar(0, 0, 9, "$b$", "$k$")], headline="$h$")
    figure.draw_without_rendering()
    assert figure.axes[0].get_yticklabels()[0].get_text() == r"\$x_1\$"


def test_charts_share_a_page_without_touching() -> None:
    """Start-up and cores are drawn below one another."""
    charts = [Gantt(rows=["a", "b"], bars=[Bar(0, 0, 5)], headline=title) for title in ("one", "two")]
    upper, lower = (ax.get_position() for ax in gantt_page(charts).axes)
    assert upper.y0 > lower.y1


def test_a_chart_can_be_drawn_on_given_axes() -> None:
    """People who make their own figures bring their own axes."""
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    assert gantt_figure(["a"], [Bar(0, 0, 9)], headline="x", ax=ax) is figure
    assert np.isclose(ax.get_xlim()[0], 0)


def test_what_cannot_be_drawn_is_refused() -> None:
    """No rows, a bar outside of them, a bar that ends before it starts, no chart."""
    with pytest.raises(InputError, match="at least one row"):
        gantt_figure([], [], headline="x")
    with pytest.raises(InputError, match="lies in row 3; there are 2 rows"):
        gantt_figure(["a", "b"], [Bar(3, 0, 1, "vm")], headline="x")
    with pytest.raises(InputError, match="got 5 to 4"):
        Bar(0, 5, 4)
    with pytest.raises(InputError, match="at least one chart"):
        gantt_page([])
