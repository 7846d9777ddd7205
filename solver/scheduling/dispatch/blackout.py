"""Blackouts: how long something does not run, over the borders of frames."""

from __future__ import annotations

from collections.abc import Iterable


def longest_gap(runs: Iterable[tuple[int, int]], frame: int) -> int | None:
    """Return the longest time between two runs of a repeated frame; None where there is no run.

    Parameters
    ----------
    runs : iterable of (int, int)
        Start and end of each, disjoint, in any order.
    frame : int
    """
    ordered = sorted(runs)
    if not ordered:
        return None
    longest, end = 0, ordered[-1][1] - frame
    for start, stop in ordered:
        longest = max(longest, start - end)
        end = stop
    return longest
