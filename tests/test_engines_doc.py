"""The page on engines: its sessions, its figures, its names and its sources."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from formulations.arcflow import MOST_ARCS, MOST_STATES
from solver import placing
from solver.engines import counted, packer
from solver.engines.columns import engine, outlook
from solver.engines.refilling import contents

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "engines.md"


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def sources() -> str:
    """Return all code of both packages."""
    return "\n".join(
        path.read_text(encoding="utf-8")
        for package in ("formulations", "solver")
        for path in (ROOT / package).rglob("*.py")
    )


def test_sessions_of_the_page_give_what_they_show() -> None:
    """People embed the engines by copying these sessions."""
    tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried.attempted >= 30
    assert tried.failed == 0


@pytest.mark.parametrize(
    "said",
    [
        f"beyond {placing.MOST_VMS_ONE_BY_ONE:,} VMs",
        f"Up to {placing.SMALL_PAIRS:,} pairs",
        f"up to {placing.MOST_PAIRS:,} the whole model",
        f"otherwise {placing.COUNTING_SHARE:.0%}".replace("%", " %"),
        f"arc-flow for up to {packer.SMALL} items",
        f"up to {contents.MOST_ITEMS:,} items",
        f"is listed, up to {engine.MOST_LISTED:,}",
        f"{MOST_STATES:,} states and {MOST_ARCS:,} arcs",
        f"every {outlook.NODES_AT_ONCE:,} nodes",
    ],
)
def test_figures_of_the_page_are_those_of_the_code(said: str) -> None:
    """A limit that is changed in the code must be changed on the page."""
    assert said in " ".join(text().split())


def test_numbers_in_words_are_those_of_the_code() -> None:
    """The same, for what the page spells out."""
    words = {3: "three", 4: "four", 6: "six"}
    flat = " ".join(text().split())
    assert f"after {words[packer.DIVES_BEFORE_ARC_FLOW]} dives" in flat
    assert f"stops after {words[counted.DIVES]} dives" in flat
    assert f"missing after {words[engine.DIVES_BEFORE_LISTING]} dives" in flat
    assert engine.MASTER_EVERY == 3
    assert "every third dive" in flat


def test_names_of_proofs_are_those_of_the_code() -> None:
    """Readers look up here whose word the bound in their result is."""
    code = sources()
    table = text().split("## Whose word a proof is")[1].split("\n## ")[0]
    names = [name for row in table.splitlines() if row.startswith("| `") for name in re.findall(r"`([^`]+)`", row)]
    own = [name for name in names if not name.startswith(("CBC", "HiGHS", "proved_by"))]
    assert len(own) >= 12
    for name in own:
        parts = [part for part in re.split(r"…", name.replace(", CBC …", "")) if part.strip()]
        assert all(_written(part, code) for part in parts), name


def _written(part: str, code: str) -> bool:
    """Whether a part of a name stands in the code, perhaps with an engine's name put in."""
    for engine_name in ("arc-flow", "column generation"):
        if part.startswith(engine_name):
            part = part.removeprefix(engine_name)
    return part in code


def test_sources_of_the_page_are_cited_where_they_are_used() -> None:
    """The page lists what the code builds on, and nothing for show."""
    code = sources()
    cited = {doi.rstrip(".,;:") for doi in re.findall(r"doi:(\S+)", text())}
    assert len(cited) >= 15
    assert not {doi for doi in cited if doi not in code}


def test_paths_and_links_of_the_page_lead_somewhere() -> None:
    """Code moves; the page must follow."""
    paths = re.findall(r"`((?:formulations|solver)/[\w/.]+)`", text())
    links = re.findall(r"\]\(([^)#]+)\)", text())
    assert len(paths) >= 10
    assert links
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [link for link in links if "://" not in link and not (PAGE.parent / link).exists()] == []
