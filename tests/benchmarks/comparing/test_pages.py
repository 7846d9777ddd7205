"""Sections of results are put into documents without touching the rest, and pictures are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.campaigns import CAMPAIGNS
from benchmarks.comparing.pages import put, section
from benchmarks.comparing.pictures import anytime_curves, comparable, draw_anytime, draw_profile, picture
from benchmarks.comparing.profiles import seconds_to_proof
from formulations.errors import InputError
from tests.benchmarks.rows import row, solved

RUNS = [
    solved(10, 10, instance="a", version="0.1.0", machine="a machine", date="2025-01-02T03:04:05"),
    solved(12, 9, instance="a", subject="peer", trace=[(1.0, 20.0), (2.0, 12.0)], seconds=60.0),
]


def test_a_section_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    """Figures are generated, the words around them are not."""
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n<!-- begin cloud -->\nold\n<!-- end cloud -->\n\nlast words\n", encoding="utf-8")
    put("new \\1 figures", "cloud", page)
    put("more", "distinct", page)
    put("newest", "cloud", page)
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert "figures" not in text
    assert text.count("newest") == 1
    assert text.index("# Title") < text.index("newest") < text.index("last words") < text.index("more")


def test_a_section_says_how_it_came_about() -> None:
    """Figures without machine, version, limit and command cannot be repeated."""
    text = section(CAMPAIGNS["peers"], RUNS)
    for said in ("campaign peers", "60 s a run", "a machine", "0.1.0", "2025-01-02", "| peer |", "No bound"):
        assert said in text


def test_anytime_curves_start_at_nothing_and_end_at_the_best() -> None:
    """Whoever holds the best value of all ends at a gap of 0."""
    curves = anytime_curves([*RUNS, row(subject="silent", instance="a")], np.array([0.1, 1.5, 10.0]))
    assert curves["placewright"].tolist() == [1.0, 0.0, 0.0]
    assert curves["peer"].tolist() == pytest.approx([1.0, 0.5, 1 / 6])
    assert curves["silent"].tolist() == [1.0, 1.0, 1.0]


def test_curves_compare_only_what_all_ran() -> None:
    """A mean over the easy half beside a mean over all would be no comparison."""
    more = solved(1, 1, instance="b")
    assert comparable([*RUNS, more]) == RUNS
    with pytest.raises(InputError, match="no instance was run by all of peer, placewright"):
        comparable([more, RUNS[1]])


def test_pictures_are_drawn(tmp_path: Path) -> None:
    """The documentation shows them."""
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    picture("Curves", "1 instance", lambda axes: draw_anytime(RUNS, axes), tmp_path / "anytime.png")
    picture("Profile", "1 instance", lambda axes: draw_profile(RUNS, seconds_to_proof, axes), tmp_path / "proof.svg")
    assert (tmp_path / "anytime.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "proof.svg").read_text(encoding="utf-8")
