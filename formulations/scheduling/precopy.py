"""The pre-copy model of live migration: how long a VM's memory takes to follow it, and how long it stands still."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil

from formulations.errors import InputError

MOST_ROUNDS = 1000


@dataclass(frozen=True)
class PreCopy:
    """When live migration stops copying a running VM and moves the rest while it stands still.

    Parameters
    ----------
    rounds : int
        Most rounds in which memory is copied while the VM runs, the first one included.
    downtime : int
        The VM is stopped for the last copy once the rest can be sent in this many milliseconds.
    """

    rounds: int = 30
    downtime: int = 300

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= MOST_ROUNDS:
            raise InputError(f"must be between 1 and {MOST_ROUNDS}, got {self.rounds}", "precopy.rounds")
        if self.downtime < 0:
            raise InputError(f"must not be negative, got {self.downtime}", "precopy.downtime")


@dataclass(frozen=True)
class Transfer:
    """What one live migration takes.

    Attributes
    ----------
    duration : int
        Milliseconds from start to end, rounded up, at least 1.
    downtime : int
        Milliseconds at its end in which the VM stands still, rounded up.
    rounds : int
        Rounds of copying while the VM runs.
    converged : bool
        Whether the rest became small enough; if not, the rounds ran out.
    """

    duration: int
    downtime: int
    rounds: int
    converged: bool


@lru_cache(maxsize=2**16)
def transfer(memory: Fraction, dirty_rate: Fraction, bandwidth: Fraction, precopy: PreCopy) -> Transfer:
    """Return what a live migration takes by pre-copy.

    Round 0 sends the whole memory ``M`` at the bandwidth ``B``; every further round sends what was
    rewritten during the one before, at most all of it; once what is left takes no longer than the
    downtime allowed, or the rounds have run out, the VM stands still for the last copy (Clark et
    al., Live Migration of Virtual Machines, NSDI 2005). Exact in rationals, rounded up at the end.

    Parameters
    ----------
    memory : Fraction
        In the memory resource's unit.
    dirty_rate, bandwidth : Fraction
        In that unit per second; the bandwidth is positive.
    precopy : PreCopy
    """
    ratio = dirty_rate / bandwidth
    enough = Fraction(precopy.downtime, 1000) * bandwidth
    sent, rest, rounds = Fraction(0), memory, 0
    while rounds < precopy.rounds and (rounds == 0 or rest > enough):
        sent += rest
        rest = min(memory, rest * ratio)
        rounds += 1
    duration = max(1, ceil((sent + rest) / bandwidth * 1000))
    return Transfer(duration, ceil(rest / bandwidth * 1000), rounds, rest <= enough)
