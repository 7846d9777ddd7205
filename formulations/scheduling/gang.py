"""Gang scheduling as an integer program: how long which gangs run side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pulp
from numpy.typing import NDArray

from formulations.program import Expression, Program

Integers = NDArray[np.int64]

MOST_PATTERNS = 4096
"""Patterns in a program at most; of more only the first are used, and the program proves nothing."""


class GangKind(NamedTuple):
    """Gangs of equal width.

    Attributes
    ----------
    width : tuple of int
        How many vCPUs each has in every NUMA cell.
    times : tuple of int
        How long each must run, in microseconds, the longest first.
    """

    width: tuple[int, ...]
    times: tuple[int, ...]


class Patterns(NamedTuple):
    """What fits side by side.

    Attributes
    ----------
    counts : int64 array, shape (patterns, kinds)
        How many gangs of each kind run.
    complete : bool
        Whether every set that fits is within one of the patterns.
    """

    counts: Integers
    complete: bool


class GangProgram:
    """Minimise ``sum_P t[P]`` so that every gang runs its time; t[P] integer.

    ``t[P]`` is how long pattern P lasts: a choice of ``n[P,k]`` gangs of each kind k that fit the
    cores side by side. Who they are is left open: gangs of one kind with times
    ``d_1 >= d_2 >= ...`` can be dealt out to the patterns, each at most as long as the pattern lasts
    and at most ``n[P,k]`` at a time, exactly if for every r

        ``sum_P min(r, n[P,k]) t[P] >= d_1 + ... + d_r``

    (the minimum cuts of the transportation problem). So the program has one variable per pattern
    and few rows, whatever the number of gangs. A vCPU by itself is a gang of one.

    Parameters
    ----------
    kinds : sequence of GangKind
        With distinct widths.
    cores : sequence of int
        Per NUMA cell.
    most_patterns : int

    Attributes
    ----------
    patterns : Patterns
    problem : pulp.LpProblem
    """

    def __init__(self, kinds: Sequence[GangKind], cores: Sequence[int], most_patterns: int = MOST_PATTERNS) -> None:
        self.kinds = tuple(kinds)
        self.patterns = fitting(kinds, cores, most_patterns)
        self._program = Program("gangs")
        longest = sum(time for kind in kinds for time in kind.times)
        self.lasting = [
            self._program.integer("lasts_" + "_".join(map(str, counts)), 0, longest)
            for counts in self.patterns.counts.tolist()
        ]
        self._minimise_length()
        self._run_every_gang()

    @property
    def problem(self) -> pulp.LpProblem:
        """The program as PuLP's."""
        return self._program.problem

    def rows(self) -> Iterator[tuple[str, Integers, int]]:
        """Yield every row: its name, the coefficient of each pattern, and the least sum."""
        for number, kind in enumerate(self.kinds):
            counts = self.patterns.counts[:, number]
            most = int(counts.max(initial=0))
            for many, needed in enumerate(accumulate(kind.times), start=1):
                if many < most or many == len(kind.times):  # beyond the widest pattern only the total binds
                    yield f"run_{number}_longest_{many}", np.minimum(many, counts), needed

    def decode(self, values: Mapping[str, float]) -> list[int] | None:
        """Return how long each pattern lasts, or None where the rounded figures break a row."""
        lasting = [round(values.get(variable.name, 0.0)) for variable in self.lasting]
        column = np.array(lasting, dtype=np.int64)
        if (column < 0).any() or any(int(row @ column) < needed for _, row, needed in self.rows()):
            return None
        return lasting

    def proved_by_prices(self, prices: Sequence[float]) -> int:
        """Return the lower bound on the length that prices prove, in exact integers.

        A price per row, such that no pattern earns more than 1 per microsecond, bounds the length by
        what the needs earn. Prices are made whole, and the most that a pattern earns is computed.
        """
        if not self.patterns.complete:
            return 0
        earned = [0] * len(self.patterns.counts)
        worth = 0
        for price, (_, row, needed) in zip(prices, self.rows(), strict=True):
            whole = max(0, round(price * 2**30))
            worth += whole * needed
            earned = [sum_ + whole * factor for sum_, factor in zip(earned, row.tolist(), strict=True)]
        most = max(earned, default=0)
        return -(-worth // most) if most else 0

    def _minimise_length(self) -> None:
        self.problem.setObjective(Expression.total(self.lasting).pulp())

    def _run_every_gang(self) -> None:
        """Require that for every kind and r the r longest gangs find time enough."""
        for name, row, needed in self.rows():
            terms = {t: float(factor) for t, factor in zip(self.lasting, row.tolist(), strict=True) if factor}
            self._program.at_least(Expression(terms), float(needed), name)


def fitting(kinds: Sequence[GangKind], cores: Sequence[int], most: int = MOST_PATTERNS) -> Patterns:
    """Return the patterns of gangs that fit side by side and leave no room for another one."""
    found: list[tuple[int, ...]] = []
    for counts, free in _counted(kinds, cores):
        room_left = any(
            count < len(kind.times) and _fits(kind.width, free) for count, kind in zip(counts, kinds, strict=True)
        )
        if not room_left:
            if len(found) == most:
                return Patterns(np.array(found, dtype=np.int64), complete=False)
            found.append(counts)
    return Patterns(np.array(found, dtype=np.int64).reshape(-1, len(kinds)), complete=True)


def _counted(kinds: Sequence[GangKind], cores: Sequence[int]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield how many of each kind fit, as many of the last kind as can be, and the cores left."""
    waiting: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((), tuple(cores))]
    while waiting:
        counts, free = waiting.pop()
        if len(counts) == len(kinds):
            yield counts, free
            continue
        kind = kinds[len(counts)]
        room = min(have // need for have, need in zip(free, kind.width, strict=True) if need)
        most = min(room, len(kind.times))
        last = len(counts) + 1 == len(kinds)
        for count in range(most if last else 0, most + 1):
            left = tuple(have - count * need for have, need in zip(free, kind.width, strict=True))
            waiting.append(((*counts, count), left))


def _fits(width: Sequence[int], free: Sequence[int]) -> bool:
    return all(need <= have for need, have in zip(width, free, strict=True))
