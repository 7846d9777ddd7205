"""Containers: the members of one host, and the rows of capacity that bind one resource there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from math import gcd
from typing import NamedTuple, Self

Amounts = Sequence[int]


class Row(NamedTuple):
    """One capacity: ``sum coefficients * amounts <= capacity``, all non-negative integers."""

    name: str
    coefficients: tuple[int, ...]
    capacity: int

    def load(self, amounts: Iterable[int]) -> int:
        """Return the left-hand side."""
        return sum(c * a for c, a in zip(self.coefficients, amounts, strict=True))

    def normalised(self) -> Row:
        """Return the same row for integer amounts, divided by what its coefficients share."""
        shared = gcd(*self.coefficients)
        if shared <= 1:
            return self
        return self._replace(
            coefficients=tuple(c // shared for c in self.coefficients), capacity=self.capacity // shared
        )


@dataclass(frozen=True)
class Container:
    """Demand bounds of n members for one resource of one host, and the rows that bind them.

    An allocation ``a`` fits when ``lower <= a <= upper``, every row holds, and ``a`` is a whole
    multiple of ``step``. Rows have no negative coefficient: whatever fits still fits when a
    member gets less, down to its lower bound.

    Attributes
    ----------
    lower, demand, upper : tuple of int, length n
        Guaranteed floor, expected demand and limit, in quanta.
    shares : tuple of int, length n
        Positive.
    step : tuple of int, length n
        1, or the size of a core where the slice is a whole number of cores. ``lower`` and
        ``upper`` are multiples of it.
    rows : tuple of Row
        The host's capacity, and those of its NUMA cells and burst budgets.
    resource : str
    members : tuple of str
        For the names in LP files; numbers unless given.
    """

    lower: tuple[int, ...]
    demand: tuple[int, ...]
    upper: tuple[int, ...]
    shares: tuple[int, ...]
    step: tuple[int, ...]
    rows: tuple[Row, ...]
    resource: str = "resource"
    members: tuple[str, ...] = ()

    @classmethod
    def plain(
        cls, capacity: int, lower: Amounts, demand: Amounts, upper: Amounts, shares: Amounts | None = None
    ) -> Self:
        """Return a container of one row, without steps; equal shares unless given."""
        n = len(lower)
        ones = (1,) * n
        own = ones if shares is None else tuple(shares)
        return cls(tuple(lower), tuple(demand), tuple(upper), own, ones, (Row("host", ones, capacity),))

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.lower)

    def member(self, i: int) -> str:
        """Return what LP files call a member."""
        return self.members[i] if self.members else str(i + 1)

    def fits(self, amounts: Amounts) -> bool:
        """Return whether an allocation keeps bounds, rows and steps."""
        within = all(low <= a <= high for low, a, high in zip(self.lower, amounts, self.upper, strict=True))
        whole = all(a % step == 0 for a, step in zip(amounts, self.step, strict=True))
        return within and whole and all(row.load(amounts) <= row.capacity for row in self.rows)

    @cached_property
    def feasible(self) -> bool:
        """Whether any allocation fits: that is, whether the lower bounds do."""
        return self.fits(self.lower)

    def slack(self, amounts: Amounts) -> list[int]:
        """Return what is left in every row."""
        return [row.capacity - row.load(amounts) for row in self.rows]

    def binding(self) -> Container:
        """Return the container with normalised rows, without those that can never bind."""
        kept = tuple(row.normalised() for row in self.rows if row.load(self.upper) > row.capacity)
        return replace(self, rows=kept)

    def bounded(self, lower: Amounts, upper: Amounts) -> Container:
        """Return the container with other bounds."""
        return replace(self, lower=tuple(lower), upper=tuple(upper))

    def limited_by(self, rows: Sequence[Row]) -> Container:
        """Return the container with further rows."""
        return replace(self, rows=self.rows + tuple(rows))

    def relaxed(self) -> Container:
        """Return the container without steps, its rows cut to what whole steps can reach."""
        rows = []
        for row in self.rows:
            unit = gcd(*(c * step for c, step in zip(row.coefficients, self.step, strict=True)))
            slack = row.capacity - row.load(self.lower)
            rows.append(row._replace(capacity=row.capacity - slack % unit) if unit else row)
        return replace(self, step=(1,) * len(self), rows=tuple(rows))

    @property
    def stepped(self) -> list[int]:
        """The members whose amount is still to be chosen among whole cores."""
        return [i for i, step in enumerate(self.step) if step > 1 and self.lower[i] < self.upper[i]]

    @cached_property
    def laminar(self) -> bool:
        """Whether rows count members by the same coefficient and are nested or disjoint.

        Greedy filling is then optimal for every linear objective, in integers too: the
        amounts that fit form a polymatroid (Edmonds 1970).
        """
        free = [i for i in range(len(self)) if self.lower[i] < self.upper[i]]
        supports = []
        for row in self.rows:
            used = {row.coefficients[i] for i in free} - {0}
            if len(used) > 1:
                return False
            supports.append({i for i in free if row.coefficients[i]})
        return all(a <= b or b <= a or not a & b for a, b in combinations(supports, 2))


class Filling(NamedTuple):
    """What rises: member ``i`` gets ``clamp(start + slope * t, lower, upper)`` as ``t`` grows from 0.

    Progressive filling raises ``t`` for all and freezes whoever would overfill a row. Members of
    several containers are the same VMs: frozen in one resource, they are frozen in all.
    A start is at most the lower bound; a slope is never negative.
    """

    containers: tuple[Container, ...]
    starts: tuple[tuple[int, ...], ...]
    slopes: tuple[tuple[int | Fraction, ...], ...]


def max_min(container: Container) -> Filling:
    """Return the filling of weighted max-min fairness: ``a / (w d)`` rises evenly from 0.

    A member without demand has no such ratio and stays at its lower bound.
    """
    slopes = tuple(w * d for w, d in zip(container.shares, container.demand, strict=True))
    return Filling((container,), ((0,) * len(container),), (slopes,))


def even(container: Container) -> Filling:
    """Return the filling in which ``a / d`` rises evenly from 0, whatever the shares."""
    return Filling((container,), ((0,) * len(container),), (container.demand,))


def proportional(container: Container) -> Filling:
    """Return the filling that adds to the lower bounds in proportion to shares."""
    return Filling((container,), (container.lower,), (container.shares,))


def dominant(containers: Sequence[Container], capacities: Sequence[int]) -> Filling:
    """Return the filling of dominant resource fairness with bounds.

    A VM's scale ``s`` gives it ``clamp(s d, l, u)`` of every resource. Its weighted dominant
    share ``s max_r d[r] / (C[r] w[r])`` rises evenly: see Ghodsi et al., Dominant Resource
    Fairness, NSDI 2011, section 4.3 for the weights. A resource that the host lacks cannot
    dominate; a VM with demand for it keeps its lower bounds, as it could use nothing else.
    """
    slopes = []
    needs = list(zip(*(container.demand for container in containers), strict=True))
    weights = list(zip(*(container.shares for container in containers), strict=True))
    for need, weight in zip(needs, weights, strict=True):
        ratios = [Fraction(d, c * w) for d, c, w in zip(need, capacities, weight, strict=True) if c]
        lacking = any(d and not c for d, c in zip(need, capacities, strict=True))
        largest = max(ratios, default=Fraction(0))
        slopes.append([Fraction(d) / largest if largest and not lacking else Fraction(0) for d in need])
    starts = tuple((0,) * len(container) for container in containers)
    return Filling(tuple(containers), starts, tuple(tuple(column) for column in zip(*slopes, strict=True)))
