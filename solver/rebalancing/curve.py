"""The move-value curve: how good a placement can become with at most k moves, with bounds, and its knee."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from formulations.instance import Instance
from formulations.placement import Placement
from solver.placing import DEFAULT_SECONDS, place
from solver.rebalancing.questions import budgeted
from solver.result import Result, Status

MOVES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Numbers of moves that are tried by default, as far as there are VMs to move."""


@dataclass(frozen=True)
class CurvePoint:
    """The best known placement with at most so many moves.

    Attributes
    ----------
    most : int
        The budget.
    moves : int or None
        How many it uses; None without a placement.
    values, bounds : tuple of Fraction
        Of the objective's levels; empty without a placement.
    status : Status
    """

    most: int
    moves: int | None
    values: tuple[Fraction, ...]
    bounds: tuple[Fraction, ...]
    status: Status


@dataclass(frozen=True)
class MoveValueCurve:
    """Values against budgets of moves; never worse with more moves.

    Attributes
    ----------
    instance : Instance
    points : tuple of CurvePoint
        Budgets ascending.
    results : tuple of Result
        One per point.
    """

    instance: Instance
    points: tuple[CurvePoint, ...]
    results: tuple[Result, ...]

    @property
    def level(self) -> int:
        """The first objective level that differs between the points: what the curve shows."""
        known = [point.values for point in self.points if point.values]
        differing = (k for k in range(len(self.instance.levels)) if len({values[k] for values in known}) > 1)
        return next(differing, 0)

    @property
    def knee(self) -> CurvePoint | None:
        """The point beyond which moves gain least: farthest below the line between the ends.

        The Kneedle criterion (Satopää and others 2011, doi:10.1109/ICDCSW.2011.20) on the level
        that differs, moves and values both scaled to 0 … 1. None for fewer than three points.
        """
        known = [point for point in self.points if point.values]
        if len(known) < 3 or known[0].values[self.level] == known[-1].values[self.level]:
            return None
        first, last = known[0], known[-1]
        span, drop = last.most - first.most, first.values[self.level] - last.values[self.level]

        def below(point: CurvePoint) -> Fraction:
            gained = (first.values[self.level] - point.values[self.level]) / drop
            return gained - Fraction(point.most - first.most, span)

        return max(known, key=below)


def move_value_curve(
    instance: Instance, *, budgets: Sequence[int] = MOVES, seconds: float = DEFAULT_SECONDS, **settings: Any
) -> MoveValueCurve:
    """Return the best known value for each budget of moves.

    Parameters
    ----------
    instance : Instance
        With current hosts.
    budgets : sequence of int
        Those beyond the number of running VMs are left out but for the first.
    seconds : float
        For all budgets together, evenly.
    **settings
        As for `solver.placing.place`.
    """
    running = int((instance.ruled & (instance.current >= 0)).sum())
    asked = sorted({min(most, running) for most in budgets})
    results: list[Result] = []
    best: Placement | None = None
    for number, most in enumerate(asked):
        left = seconds * (number + 1) / len(asked) - sum(result.seconds for result in results)
        result = place(budgeted(instance, most), seconds=max(left, 0.1), start=best, **settings)
        best = result.placement or best
        results.append(result)
        if result.interrupted:
            break
    return MoveValueCurve(instance, _points(instance, asked, results), tuple(results))


def _points(instance: Instance, asked: Sequence[int], results: Sequence[Result]) -> tuple[CurvePoint, ...]:
    """Return the points; a bound for many moves bounds fewer moves, too, on the first level."""
    points: list[CurvePoint] = []
    for most, result in zip(asked, results, strict=False):
        placement = result.placement
        moved = None if placement is None else _moves(instance, placement)
        bounds = tuple(level.bound if level.bound is not None else Fraction(0) for level in result.levels)
        points.append(CurvePoint(most, moved, tuple(level.value for level in result.levels), bounds, result.status))
    return tuple(points)


def _moves(instance: Instance, placement: Placement) -> int:
    moved = instance.ruled & (instance.current >= 0) & placement.placed & (placement.host_of != instance.current)
    return int(moved.sum())
