"""Budgets: how far to go below the best cost known, and how hard to try, learnt from what came of it."""

from __future__ import annotations

BOLDEST = 0.5
"""At most this part of the distance to the floor is asked for at once."""

MOVES_AT_FIRST = 4_000
"""Moves per item in the first attempt."""

MOST_MOVES = 200_000
"""Moves per item in the longest."""


class Budget:
    """The budget of the next attempt.

    Success makes it bolder and quicker, failure more modest and more patient: most of the time
    goes where about half of the attempts succeed.

    Parameters
    ----------
    known : int
        The best cost known.
    floor : int
        No cost is below.
    """

    def __init__(self, known: int, floor: int) -> None:
        self.known = known
        self.floor = floor
        self._part = BOLDEST
        self._moves = float(MOVES_AT_FIRST)

    @property
    def moves(self) -> int:
        """How many moves to try per item."""
        return int(self._moves)

    @property
    def open(self) -> bool:
        """Whether there is anything to gain."""
        return self.known > self.floor

    @property
    def next(self) -> int:
        """What the hosts may cost in the next attempt."""
        return max(self.floor, self.known - max(1, round(self._part * (self.known - self.floor))))

    def succeeded(self, cost: int) -> None:
        """Take note of an attempt that fitted."""
        self.known = min(self.known, cost)
        self._part = min(BOLDEST, 1.3 * self._part)
        self._moves = max(0.8 * self._moves, MOVES_AT_FIRST)

    def failed(self, *, narrowly: bool = False) -> None:
        """Take note of an attempt that did not fit, but perhaps narrowly."""
        self._part = max((0.9 if narrowly else 0.6) * self._part, 0.5 / max(1, self.known - self.floor))
        self._moves = min((2.0 if narrowly else 1.4) * self._moves, MOST_MOVES)

    def impossible(self, budget: int) -> None:
        """Take note that nothing costs so little."""
        self.floor = max(self.floor, budget + 1)
