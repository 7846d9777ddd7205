"""The policies (A, B) that keep all bounds, as an exact polygon.

A policy gives a VM of demand d the amount ``P + B * d`` with ``P = A * C``: a straight line
in d. A reservation is a point that the line must not pass below, a limit one that it must
not pass above. The capacity is one more limit: ``n P + B sum(d) <= C`` says that at the mean
demand the line is at most ``C / n``. So only the upper hull of the reservations and the
lower hull of the limits matter, and a conflict is at most three points (Helly's theorem).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from formulations.allocation.contention import HostResource

Point = tuple[Fraction, Fraction]
ZERO, ONE = Fraction(0), Fraction(1)


class Interval(NamedTuple):
    """A closed interval; None where it has no end."""

    low: Fraction | None
    high: Fraction | None

    def holds(self, value: Fraction) -> bool:
        """Whether the value lies in the interval."""
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class FeasibleRange:
    """All policies (A, B) that keep every bound and the capacity, exactly.

    They are the convex hull of ``vertices``, extended without end along each of ``lines``.

    Attributes
    ----------
    vertices : tuple of (A, B)
        Counter-clockwise from the lexicographically smallest; two for a segment, one for a
        point. Where there is a line, one point on each border that runs along it.
    lines : tuple of (A, B)
        Directions in which both ways are free: one when all demands are equal (only
        ``A * C + B * d`` matters then) or when there is no capacity; otherwise none.
    """

    vertices: tuple[Point, ...]
    lines: tuple[Point, ...] = ()

    @property
    def a_interval(self) -> Interval:
        """The values of A for which some B is feasible."""
        return self._interval(0)

    @property
    def b_interval(self) -> Interval:
        """The values of B for which some A is feasible."""
        return self._interval(1)

    def _interval(self, axis: int) -> Interval:
        if any(line[axis] for line in self.lines):
            return Interval(None, None)
        along = [vertex[axis] for vertex in self.vertices]
        return Interval(min(along), max(along))


class Mark(NamedTuple):
    """A bound as a point that the policy's line must not pass below (or above)."""

    demand: Fraction
    amount: Fraction
    vm: int
    """Whose bound it is; -1 for the capacity."""


class Conflict(NamedTuple):
    """Marks that no line can keep: at one demand the floors ask for more than the ceilings grant."""

    demand: Fraction
    floors: tuple[Mark, ...]
    least: Fraction
    """What a line that keeps the floors has there at least."""
    ceilings: tuple[Mark, ...]
    most: Fraction


def feasible_range(case: HostResource) -> FeasibleRange | None:
    """Return all policies that keep every bound and the capacity; None if there are none."""
    floors, ceilings = hulls(case)
    if first_conflict(floors, ceilings) is not None:
        return None
    if not case.capacity:
        return _range_without_capacity(case)
    if floors[0].demand == floors[-1].demand:
        return _strip(case.capacity, floors[0], ceilings[0])
    return FeasibleRange(_polygon(case.capacity, floors, ceilings))


# -- hulls ----------------------------------------------------------------------------------


def hulls(case: HostResource) -> tuple[list[Mark], list[Mark]]:
    """Return the reservations and the limits (with the capacity's) that can bind, by rising demand."""
    count = case.count
    floors = [Mark(case.demand[vm], case.lower[vm], vm) for vm in case.distinct]
    ceilings = [Mark(case.demand[vm], case.upper[vm], vm) for vm in case.distinct]
    ceilings.append(Mark(sum(case.demand, ZERO) / count, case.capacity / count, -1))
    return _hull(floors, 1), _hull(ceilings, -1)


def _hull(marks: Iterable[Mark], side: int) -> list[Mark]:
    """Return the upper (side 1) or lower (side -1) hull: Andrew's monotone chain."""
    extreme: dict[Fraction, Mark] = {}
    for mark in marks:
        known = extreme.get(mark.demand)
        if known is None or side * (mark.amount - known.amount) > 0:
            extreme[mark.demand] = mark
    hull: list[Mark] = []
    for _, mark in sorted(extreme.items()):
        while len(hull) >= 2 and side * _turn(hull[-2], hull[-1], mark) >= 0:
            hull.pop()
        hull.append(mark)
    return hull


def _turn(first: Mark, second: Mark, third: Mark) -> Fraction:
    """Return a positive number if the way from first over second to third turns left."""
    along = (second.demand - first.demand) * (third.amount - first.amount)
    return along - (second.amount - first.amount) * (third.demand - first.demand)


def first_conflict(floors: Sequence[Mark], ceilings: Sequence[Mark]) -> Conflict | None:
    """Return a conflict of the fewest marks, the widest of them; None if some line keeps all.

    The gap between the hulls is linear between marks, so it is widest at one, where one of
    the two sides is a single mark: three marks at most.
    """
    found: list[Conflict] = []
    for demand in sorted({mark.demand for mark in (*floors, *ceilings)}):
        below, least = _support(floors, demand)
        above, most = _support(ceilings, demand)
        if least > most:
            found.append(Conflict(demand, below, least, above, most))
    return min(found, key=lambda one: (len(one.floors) + len(one.ceilings), one.most - one.least), default=None)


def _support(hull: Sequence[Mark], demand: Fraction) -> tuple[tuple[Mark, ...], Fraction]:
    """Return the one or two marks that carry the hull at a demand, and its height there."""
    after = bisect_left(hull, demand, key=lambda mark: mark.demand)
    if hull[after].demand == demand:
        return (hull[after],), hull[after].amount
    left, right = hull[after - 1], hull[after]
    weight = (demand - left.demand) / (right.demand - left.demand)
    return (left, right), (1 - weight) * left.amount + weight * right.amount


# -- the polygon ----------------------------------------------------------------------------


def _polygon(capacity: Fraction, floors: Sequence[Mark], ceilings: Sequence[Mark]) -> tuple[Point, ...]:
    """Clip the rectangle of the line's heights at the smallest and the largest demand by every mark."""
    least, most = floors[0].demand, floors[-1].demand
    left, right = (floors[0].amount, ceilings[0].amount), (floors[-1].amount, ceilings[-1].amount)
    corners = [(left[0], right[0]), (left[1], right[0]), (left[1], right[1]), (left[0], right[1])]
    heights = _without_repeats(corners)
    for marks, side in ((floors[1:-1], 1), (ceilings[1:-1], -1)):
        for mark in marks:
            heights = _clipped(heights, _height_above(mark, side, least, most))
    slopes = [((second - first) / (most - least), first) for first, second in heights]
    points = [((first - slope * least) / capacity, slope) for slope, first in slopes]
    start = points.index(min(points))
    return tuple(points[start:] + points[:start])


def _height_above(mark: Mark, side: int, least: Fraction, most: Fraction) -> Callable[[Point], Fraction]:
    """Return by how much the line through two heights keeps a mark, negative where it breaks it."""
    weight = (mark.demand - least) / (most - least)
    return lambda heights: side * ((1 - weight) * heights[0] + weight * heights[1] - mark.amount)


def _clipped(corners: list[Point], kept: Callable[[Point], Fraction]) -> list[Point]:
    """Cut a convex polygon by a half-plane, exactly (Sutherland and Hodgman, doi:10.1145/360767.360802)."""
    result: list[Point] = []
    values = [kept(corner) for corner in corners]
    for here, corner in enumerate(corners):
        before, value = values[here - 1], values[here]
        if (before < 0 < value) or (value < 0 < before):
            part = before / (before - value)
            last = corners[here - 1]
            result.append((last[0] + part * (corner[0] - last[0]), last[1] + part * (corner[1] - last[1])))
        if value >= 0:
            result.append(corner)
    return _without_repeats(result)


def _without_repeats(corners: list[Point]) -> list[Point]:
    """Drop corners that are met twice (the polygon may be a segment or a point)."""
    return list(dict.fromkeys(corners))


def _strip(capacity: Fraction, floor: Mark, ceiling: Mark) -> FeasibleRange:
    """Return the policies when all demands are equal: only ``A * C + B * d`` matters."""
    ends = sorted({floor.amount, ceiling.amount})
    if floor.demand:
        vertices = tuple((ZERO, end / floor.demand) for end in ends)
        return FeasibleRange(vertices, ((-floor.demand / capacity, ONE),))
    return FeasibleRange(tuple((end / capacity, ZERO) for end in ends), ((ZERO, ONE),))


def _range_without_capacity(case: HostResource) -> FeasibleRange:
    """Return the policies when all allocations are 0: A is free, and so is B unless a VM has demand."""
    free_in_b = () if any(case.demand) else ((ZERO, ONE),)
    return FeasibleRange(((ZERO, ZERO),), ((ONE, ZERO), *free_in_b))
