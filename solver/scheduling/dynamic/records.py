"""Records: what one machine did under one policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from formulations.tables import Integers


class Span(NamedTuple):
    """A stretch of time, µs: from ``begin`` up to ``end``."""

    begin: int
    end: int


NOTHING = Span(0, 0)


@dataclass(frozen=True, eq=False)
class Run:
    """The course of one machine's jobs.

    Attributes
    ----------
    start, finish : int64 arrays, shape (jobs,)
        When each job's first work began and its last work ended, µs.
    events : int
        Arrivals, and turns that ended: by the job's end, by its quantum, or because another took its core.
    switches : int
        How often a core began to run another job than its last one; its first job is none.
    overhead : int
        Core time lost in switches, µs.
    segments : int64 array, shape (segments, 4)
        Core, job, begin and end of every stretch of work that touches the window asked for, by
        end and core.
    """

    start: Integers
    finish: Integers
    events: int
    switches: int
    overhead: int
    segments: Integers


def in_order(segments: Integers) -> Integers:
    """Return segments by end and core: shape (segments, 4)."""
    ordered: Integers = segments[np.lexsort((segments[:, 0], segments[:, 3]))]
    return ordered
