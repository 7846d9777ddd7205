"""Progressive filling, exact: water rises in all members at once and freezes whoever meets a full row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from formulations.allocation.container import Container, Filling, Row, even, proportional

Number = int | Fraction


@dataclass
class _Level:
    """A row while water rises: its load is ``base + rate * t``."""

    row: Row
    base: Number
    rate: Number = 0

    def full_before(self, when: Fraction) -> bool:
        """Return whether the row is full earlier; integers settle it wherever they can."""
        if not self.rate > 0:
            return False
        return (self.row.capacity - self.base) * when.denominator < when.numerator * self.rate

    def full_at(self) -> Fraction:
        """Return when the row is full; it must be filling."""
        return Fraction(self.row.capacity - self.base) / self.rate


@dataclass
class _Water:
    """The state of one filling: which members rise, and how full the rows are that may bind."""

    filling: Filling
    levels: list[list[_Level]] = field(init=False)
    amounts: list[list[Number]] = field(init=False)
    rising: set[tuple[int, int]] = field(default_factory=set)
    frozen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        containers = self.filling.containers
        self.amounts = [list(container.lower) for container in containers]
        self.levels = [
            [_Level(row, row.load(own.lower)) for row in own.rows if row.load(own.upper) > row.capacity]
            for own in containers
        ]

    def events(self) -> list[tuple[Fraction, bool, int, int]]:
        """Return when every member leaves its lower bound (False) and meets its upper one (True)."""
        events = []
        for part, container in enumerate(self.filling.containers):
            columns = zip(
                container.lower, container.upper, self.filling.starts[part], self.filling.slopes[part], strict=True
            )
            for i, (low, high, start, slope) in enumerate(columns):
                if slope > 0 and low < high:
                    events.append((_ratio(low - start, slope), False, part, i))
                    events.append((_ratio(high - start, slope), True, part, i))
        return sorted(events, key=lambda event: (float(event[0]), *event))  # floats settle most comparisons

    def _shift(self, part: int, i: int, base: Number, rate: Number) -> None:
        for level in self.levels[part]:
            if weight := level.row.coefficients[i]:
                level.base += weight * base
                level.rate += weight * rate

    def start(self, part: int, i: int) -> None:
        """Let a member rise from its lower bound."""
        begin = self.filling.starts[part][i]
        self._shift(part, i, begin - self.filling.containers[part].lower[i], self.filling.slopes[part][i])
        self.rising.add((part, i))

    def stop(self, part: int, i: int, amount: Number) -> None:
        """Hold a member at an amount from now on."""
        begin = self.filling.starts[part][i]
        self._shift(part, i, amount - begin, -self.filling.slopes[part][i])
        self.amounts[part][i] = amount
        self.rising.discard((part, i))

    def freeze(self, full: int, level: _Level, now: Fraction) -> None:
        """Hold every member that rises in a full row of a container, in all its containers."""
        stuck = {i for part, i in self.rising if part == full and level.row.coefficients[i]}
        self.frozen |= stuck
        for part, i in [pair for pair in self.rising if pair[1] in stuck]:
            self.stop(part, i, self.filling.starts[part][i] + self.filling.slopes[part][i] * now)

    def freeze_before(self, when: Fraction) -> None:
        """Freeze at every row that is full earlier, in order.

        At the moment itself a member that meets its upper bound is not stuck in the row.
        """
        while full := [
            (level.full_at(), part, n)
            for part, levels in enumerate(self.levels)
            for n, level in enumerate(levels)
            if level.full_before(when)
        ]:
            now, part, n = min(full)
            self.freeze(part, self.levels[part][n], now)


def _ratio(over: int, under: Number) -> Fraction:
    return Fraction(over, under) if isinstance(under, int) else over / under


def progressive_filling(filling: Filling) -> list[list[Number]]:
    """Return what every member of every container gets, as exact numbers.

    As rows have no negative coefficient the result is the lexicographic max-min fair one of
    ``(a - start) / slope``: see Radunović and Le Boudec, A Unified Framework for Max-Min and
    Min-Max Fairness with Applications, IEEE/ACM Transactions on Networking 15(5), 2007,
    doi:10.1109/TNET.2007.896231. The lower bounds must fit.
    """
    water = _Water(filling)
    for when, at_upper, part, i in water.events():
        water.freeze_before(when)
        if i in water.frozen:
            continue
        if at_upper:
            water.stop(part, i, filling.containers[part].upper[i])
        else:
            water.start(part, i)
    return water.amounts


def rounded(container: Container, exact: Sequence[Number], members: Iterable[int] | None = None) -> list[Number]:
    """Round an allocation that fits to whole steps by the largest remainder; the result fits.

    Everyone's whole steps come first; what is then left in the rows goes, one step each, to
    those who lost most of one. Only ``members`` are rounded, all unless given.
    """
    chosen = range(len(container)) if members is None else members
    amounts = list(exact)
    lost: dict[int, Fraction] = {}
    for i in chosen:
        amounts[i] = int(exact[i] // container.step[i]) * container.step[i]
        lost[i] = Fraction(exact[i] - amounts[i]) / container.step[i]
    order = sorted((i for i, part in lost.items() if part), key=lambda i: -lost[i])
    return give(container, amounts, order, at_most=1)


def give(
    container: Container, amounts: Sequence[Number], order: Iterable[int], at_most: int | None = None
) -> list[Number]:
    """Give whole steps to the members in order, as many as fit."""
    given = list(amounts)
    slack: list[Number] = [
        row.capacity - sum(c * a for c, a in zip(row.coefficients, amounts, strict=True)) for row in container.rows
    ]
    for i in order:
        step = container.step[i]
        steps = int((container.upper[i] - given[i]) // step)
        for row, left in zip(container.rows, slack, strict=True):
            if row.coefficients[i]:
                steps = min(steps, int(left // (row.coefficients[i] * step)))
        extra = step * (steps if at_most is None else min(steps, at_most))
        given[i] += extra
        slack = [left - row.coefficients[i] * extra for row, left in zip(container.rows, slack, strict=True)]
    return given


def filled(filling: Filling) -> list[int]:
    """Return the progressive filling of one container in whole steps, so that no rising member can get more.

    Slices of whole cores are settled first, by the largest remainder; the others then share
    what these leave.
    """
    (container,) = filling.containers
    exact = progressive_filling(filling)[0]
    if container.stepped:
        whole = rounded(container, exact, container.stepped)
        settled = settle(container, {i: int(whole[i]) for i in container.stepped})
        exact = progressive_filling(filling._replace(containers=(settled,)))[0]
    amounts = rounded(container, exact)
    lost = [a - whole for a, whole in zip(exact, amounts, strict=True)]
    order = [i for i in sorted(range(len(lost)), key=lambda i: -lost[i]) if filling.slopes[0][i] > 0]
    return [int(a) for a in give(container, amounts, order)]


def settle(container: Container, amounts: Mapping[int, int]) -> Container:
    """Return the container with the amounts of some members fixed."""
    low = [amounts.get(i, a) for i, a in enumerate(container.lower)]
    high = [amounts.get(i, a) for i, a in enumerate(container.upper)]
    return container.bounded(low, high)


def with_the_rest(container: Container, amounts: Sequence[int]) -> list[int]:
    """Hand out what is left above an allocation, in proportion to shares up to the limits."""
    return filled(proportional(container.bounded(amounts, container.upper)))


def wanted(container: Container) -> list[int]:
    """Return the smallest amounts that meet demands as far as limits allow, in whole steps."""
    return [
        min(top, max(low, -(-d // step) * step))
        for low, d, top, step in zip(container.lower, container.demand, container.upper, container.step, strict=True)
    ]


def entitled(container: Container) -> list[int]:
    """Return what shares give up to the demands: the first of the two passes of entitlement.

    The way vSphere divides a host: from the reservation, everyone is filled in proportion to
    shares until it has what it demands. The second pass is `with_the_rest`.
    """
    return filled(proportional(container.bounded(container.lower, wanted(container))))


def towards(container: Container, target: Sequence[int]) -> list[int]:
    """Return how far everyone gets, evenly, on the way from the lower bounds to a target that does not fit."""
    stage = container.bounded(container.lower, [max(low, a) for low, a in zip(container.lower, target, strict=True)])
    ways = tuple(high - low for low, high in zip(stage.lower, stage.upper, strict=True))
    return filled(Filling((stage,), (stage.lower,), (ways,)))


def whole(container: Container, exact: Sequence[Number]) -> list[int]:
    """Round an allocation that fits: slices of whole cores first, then all else."""
    return [int(a) for a in rounded(container, rounded(container, exact, container.stepped))]


def satisfied(container: Container) -> list[int]:
    """Return the allocation with the smallest ``sum shares * max(0, d - a) / d``, in integers.

    Exact on laminar rows without steps: whoever gains most per unit, ``shares / d``, is served
    first; members that gain alike share evenly what is there for them.
    """
    amounts = list(container.lower)
    classes: dict[Fraction, list[int]] = {}
    for i, (w, d) in enumerate(zip(container.shares, container.demand, strict=True)):
        if d > container.lower[i] and container.upper[i] > container.lower[i]:
            classes.setdefault(Fraction(w, d), []).append(i)
    for gain in sorted(classes, reverse=True):
        high = list(amounts)
        for i in classes[gain]:
            high[i] = min(container.demand[i], container.upper[i])
        amounts = filled(even(container.bounded(amounts, high)))
    return amounts


def brimful(container: Container) -> list[int]:
    """Fill to the brim, as evenly over demands as can be."""
    return with_the_rest(container, filled(even(container)))


def is_fullest(container: Container, amounts: Sequence[int]) -> bool:
    """Return whether a brimful allocation is known to use the most; False where that takes a program.

    On laminar rows without steps it always does. Whole cores cannot use more than the same rows
    without them, each row cut to what whole steps can reach.
    """
    if not container.laminar:
        return False
    return not container.stepped or sum(brimful(container.relaxed())) <= sum(amounts)


def evened(container: Container, amounts: Sequence[int]) -> list[int]:
    """Share out alike what members that differ in nothing got together.

    What is as good for concave objectives fits as well: rows see the sum alone. A program's
    optimum would otherwise favour one of two equals.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for i in range(len(container)):
        bounds = container.lower[i], container.demand[i], container.upper[i], container.shares[i], container.step[i]
        alike.setdefault((*bounds, *(row.coefficients[i] for row in container.rows)), []).append(i)
    given = list(amounts)
    for members in alike.values():
        step = container.step[members[0]]
        each, more = divmod(sum(amounts[i] for i in members) // step, len(members))
        for place, i in enumerate(members):
            given[i] = (each + (place < more)) * step
    return given


def unmet(container: Container, amounts: Sequence[int]) -> Fraction:
    """Return ``sum shares * max(0, d - a) / d`` over members with demand."""
    columns = zip(container.shares, container.demand, amounts, strict=True)
    return sum((Fraction(w * max(0, d - a), d) for w, d, a in columns if d), Fraction(0))
