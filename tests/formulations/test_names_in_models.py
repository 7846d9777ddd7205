"""Names in models: unique however long and however often they come."""

from __future__ import annotations

from formulations.program import LONGEST_NAME, Program


def test_long_names_stay_unique() -> None:
    """Rules that name many VMs have long labels: cut to length they are alike, thousands of times over."""
    program = Program("long names")
    names = [program.unique("fault domains " + "x" * 120) for _ in range(3000)]
    assert len(set(names)) == len(names)
    assert max(len(name) for name in names) <= LONGEST_NAME
