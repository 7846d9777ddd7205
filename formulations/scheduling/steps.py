"""The steps of a migration plan, with their times and without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

NOWHERE = -1
"""The host of a VM that does not run."""

StepKind = Literal["move", "stop", "start"]


@dataclass(frozen=True)
class Step:
    """One step of a plan; occupies what it needs in ``[start, end)``.

    Attributes
    ----------
    vm : int
    kind : {"move", "stop", "start"}
    source, target : int
        Host numbers; a stop has no target and a start no source (``NOWHERE``).
    start, end : int
        Milliseconds. A stop ends when it starts; a start takes the boot time.
    downtime : int
        Milliseconds in which a moving VM stands still, at the end of the move.
    cells : int
        The NUMA cells on the target as a bit mask; 0 where there are none.
    """

    vm: int
    kind: StepKind
    source: int
    target: int
    start: int
    end: int
    downtime: int = 0
    cells: int = 0


class Hop(NamedTuple):
    """One step without its times.

    Attributes
    ----------
    vm : int
    kind : {"move", "stop", "start"}
    source, target : int
        Host numbers, ``NOWHERE`` for none.
    cells : int
        The NUMA cells on the target as a bit mask.
    """

    vm: int
    kind: StepKind
    source: int
    target: int
    cells: int = 0
