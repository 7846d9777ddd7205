"""The page on VMs that run already: its session gives what it shows."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "rebalancing.md"


def test_the_session_gives_what_it_shows() -> None:
    """People embed repair and admission by copying it."""
    tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried.attempted >= 12
    assert tried.failed == 0
