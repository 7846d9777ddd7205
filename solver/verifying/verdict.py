"""Verdicts: what the judge found wrong with a placement, and what the placement is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

MOST_LISTED = 100
"""Violations of one kind listed one by one; the rest is counted in a last one."""


class Fault(StrEnum):
    """What kind of condition is violated."""

    ARRAYS = "arrays"
    """An array has the wrong shape, type or range."""
    NO_HOST = "no host"
    """A VM that must be placed is not."""
    NOT_WANTED = "not wanted"
    """A VM that is off, or ignored without a current host, has a host."""
    IGNORED = "ignored"
    """An ignored VM is not where it was."""
    MAINTENANCE = "maintenance"
    """A host in maintenance was given a VM."""
    FLOOR = "floor"
    """A VM gets less than it is guaranteed."""
    LIMIT = "limit"
    """A VM gets more than its limit."""
    CAPACITY = "capacity"
    """A host gives more than it has."""
    TRANSIT = "transit"
    """The VMs that move to a host do not fit beside those who are there now."""
    BURST = "burst"
    """The protected VMs' bursts do not fit a host."""
    CORES = "cores"
    """A pinned slice is no whole number of cores."""
    CELLS = "cells"
    """A VM has the wrong NUMA cells."""
    CELL_CAPACITY = "cell capacity"
    """A NUMA cell gives more than it has."""
    CELL_BURST = "cell burst"
    """The protected VMs' bursts do not fit a NUMA cell."""
    RULE = "rule"
    """A hard rule is broken."""


@dataclass(frozen=True)
class Violation:
    """One condition that a placement, or a schedule, violates.

    Attributes
    ----------
    kind : StrEnum
        A `Fault`, or what the checker of a schedule calls it.
    subjects : tuple of str
        The VMs, hosts or rule concerned, by name.
    amount : Fraction
        By how much, in ``unit``.
    unit : str
    message : str
        One sentence, such as ``memory of host-3: 104 GB allocated of 100 GB``.
    """

    kind: StrEnum
    subjects: tuple[str, ...]
    amount: Fraction
    unit: str
    message: str

    def __str__(self) -> str:
        """Return the sentence."""
        return self.message


@dataclass(frozen=True)
class Verdict:
    """What the judge found.

    Attributes
    ----------
    violations : tuple of Violation
        Empty for a valid placement.
    values : tuple of Fraction or None
        The objective's levels, recomputed from the placement; None where they are not defined
        (malformed arrays, or unmet demand asked of a placement without allocation).
    """

    violations: tuple[Violation, ...]
    values: tuple[Fraction, ...] | None

    @property
    def ok(self) -> bool:
        """Whether nothing is violated."""
        return not self.violations


def listed(kind: StrEnum, found: Sequence[int], make: Callable[[int], Violation]) -> Iterator[Violation]:
    """Yield the violation of each thing found; beyond ``MOST_LISTED`` only their number."""
    yield from map(make, found[:MOST_LISTED])
    more = len(found) - MOST_LISTED
    if more > 0:
        yield Violation(kind, (), Fraction(more), "more", f"{kind}: {more:,} more of the kind")


def enumeration(names: Sequence[str], most: int = 6) -> str:
    """Spell names as people do: ``a, b and c``."""
    shown = [*names[:most], f"{len(names) - most} more"] if len(names) > most else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "nothing"
