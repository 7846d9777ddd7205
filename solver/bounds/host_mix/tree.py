"""Branch and bound on the numbers of bins, in which every bound is proved in integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import gcd, inf

import numpy as np

from formulations.tables import Integers
from solver.bounds.host_mix.boxes import Tightening
from solver.bounds.host_mix.certificates import Certificate
from solver.bounds.host_mix.covers import filled_up, rounded_up
from solver.bounds.host_mix.linear import LinearRelaxation, Optimum
from solver.bounds.host_mix.rounding import Rounded, roundings
from solver.bounds.host_mix.rows import Floats, Rows
from solver.deadline import Deadline

MOST_ROUNDS = 30
"""Rounds of rounded rows at the root."""

FEWEST_GAIN = 1e-3
"""A round must close such a part of the gap, or the next but one is the last."""

DIVE_EVERY = 10
"""One of so many explored nodes begins a dive, which finds mixes; the others have the least bound."""

MOST_DIVED = 200
"""The depth of a dive."""

MOST_PER_ROUND = 20
"""Rounded rows added in a round, the most violated first."""


@dataclass(order=True)
class Node:
    """A box of mixes that is still open; the least bound comes first, of equal ones the deepest."""

    bound: int
    shallowness: int
    number: int
    lower: Integers = field(compare=False)
    upper: Integers = field(compare=False)
    certificate: Certificate | None = field(compare=False, default=None)


class Tree:
    """One search for the cheapest mix below a cutoff.

    Parameters
    ----------
    costs, limits : int64 arrays, shape (types,)
    rows : Rows
        The cuts; rounded rows are added to them.
    cutoff : int
        Only mixes that cost less matter; no more than all bins together and 1.
    active : int64 array
        Rows to begin the linear program with.

    Attributes
    ----------
    cutoff : int
        Goes down to the cost of the best mix.
    mix : int64 array or None
        The best mix found.
    nodes : int
        Boxes whose linear program was solved.
    """

    def __init__(self, costs: Integers, limits: Integers, rows: Rows, cutoff: int, active: Integers) -> None:
        self.costs, self.rows, self.cutoff = costs, rows, cutoff
        self.mix: Integers | None = None
        self.nodes = 0
        self._dearest = sum(c * max(1, n) for c, n in zip(costs.tolist(), limits.tolist(), strict=True))
        self._cost = self._dearest + 1
        self._limits = limits
        self._boxes = Tightening(costs, limits, rows)
        self._program = LinearRelaxation(costs, rows)
        self._program.hold(active)
        self._numbers = count()
        self._open: list[Node] = []
        self._root: Node | None = None

    @property
    def bound(self) -> int:
        """What every mix costs at least, as far as is known."""
        return min(self.cutoff, self._open[0].bound) if self._open else self.cutoff

    @property
    def done(self) -> bool:
        """Whether the cutoff is proved."""
        return self.bound >= self.cutoff

    def plant(self, deadline: Deadline) -> None:
        """Open the root and add rounded rows there."""
        root = Node(0, 0, next(self._numbers), np.zeros_like(self._limits), self._limits.copy())
        if self._boxes.tighten(root.lower, root.upper):
            heappush(self._open, root)
            self._round_rows(root, deadline)
            self._root = Node(0, 0, 0, root.lower.copy(), root.upper.copy(), root.certificate)

    def grow(self, deadline: Deadline, most: float = inf) -> None:
        """Explore open nodes until the cutoff is proved, the deadline is over, or ``most`` more were explored."""
        last = self.nodes + most
        for turn in count():
            if self.done or deadline.over or self.nodes >= last:
                return
            self._dive(heappop(self._open), 1 if turn % DIVE_EVERY else MOST_DIVED, deadline)

    def core(self) -> tuple[Integers, Integers] | None:
        """Return the box in which all mixes below the cutoff are, by the root's prices; None if there is none."""
        root = self._root
        if root is None or not (self._certified(root) and self._boxes.tighten(root.lower, root.upper)):
            return None
        return root.lower, root.upper

    # -- nodes ---------------------------------------------------------------------------------

    def _dive(self, node: Node, depth: int, deadline: Deadline) -> None:
        """Explore a node, and then its first child, and so on; the others are kept for later."""
        for level in range(depth):
            children = list(self._explored(node, deadline))
            last = level == depth - 1 or deadline.over or not children
            for child in children if last else children[1:]:
                heappush(self._open, child)
            if last:
                return
            node = children[0]

    def _explored(self, node: Node, deadline: Deadline) -> Iterator[Node]:
        """Yield what is left of a node: nothing, or two smaller ones."""
        optimum = self._bounded(node)
        if optimum is None:
            return
        if deadline.over:
            yield node
            return
        yield from self._children(node, optimum)

    def _bounded(self, node: Node) -> Optimum | None:
        """Tighten a node and raise its bound; return its fractional mix, None where nothing is left of it."""
        if not self._boxes.tighten(node.lower, node.upper) or not self._certified(node):
            return None
        self.nodes += 1
        optimum = self._program.solve(node.lower, node.upper)
        self._program.drop_idle()
        if optimum is None:
            return Optimum(0.0, (node.lower + node.upper) / 2, np.zeros(len(self.rows)))
        costs = self.costs if optimum.feasible else np.zeros_like(self.costs)
        proof = Certificate(costs, self.rows, optimum.prices, self._dearest)
        if not optimum.feasible:
            if proof.scaled_bound(node.lower, node.upper) > 0:
                return None
            return Optimum(0.0, (node.lower + node.upper) / 2, np.zeros(len(self.rows)))
        node.certificate = proof
        self.offer(rounded_up(self.costs, self.rows, self._limits, optimum.numbers))
        return optimum if self._certified(node) and self._boxes.tighten(node.lower, node.upper) else None

    def _certified(self, node: Node) -> bool:
        """Raise a node's bound by its prices and cut off what costs too much; say whether anything is left."""
        if node.certificate is None:
            return True
        bound = node.certificate.bound(node.lower, node.upper)
        node.bound = max(node.bound, self._lifted(bound, node))
        step = int(np.gcd.reduce(self.costs)) or 1
        most = (self.cutoff - 1) // step * step
        return node.bound < self.cutoff and node.certificate.tighten(node.lower, node.upper, most)

    def _lifted(self, bound: int, node: Node) -> int:
        """Return the least value from a bound on that the cost of a mix in a node's box can take."""
        free = self.costs[node.lower < node.upper]
        least = int(self.costs @ node.lower)
        step = gcd(*free.tolist())
        if step == 0:
            return max(bound, least)
        return least + max(0, -(-(bound - least) // step)) * step

    def _children(self, node: Node, optimum: Optimum) -> Iterator[Node]:
        """Yield the halves of a node, the one nearer to its fractional mix first."""
        numbers = np.clip(optimum.numbers, node.lower, node.upper)  # the box was tightened since
        k, below = self._split(node, numbers)
        if k is None:
            self.offer(node.lower if self.rows.passed(node.lower) else None)
            return
        up = numbers[k] - below > 0.5
        for down in (not up, up):
            lower, upper = node.lower.copy(), node.upper.copy()
            if down:
                upper[k] = below
            else:
                lower[k] = below + 1
            child = Node(node.bound, node.shallowness - 1, next(self._numbers), lower, upper, node.certificate)
            if self._boxes.tighten(lower, upper) and self._certified(child):
                yield child

    def _split(self, node: Node, numbers: Floats) -> tuple[int | None, int]:
        """Return the type to branch on and the larger end of its lower half; None for a single mix."""
        free = np.flatnonzero(node.lower < node.upper)
        if not len(free):
            return None, 0
        part = numbers[free] - np.floor(numbers[free])
        best = int(np.minimum(part, 1 - part).argmax())
        k = int(free[best])
        below = int(np.floor(numbers[k] + 1e-6))
        return k, min(below, int(node.upper[k]) - 1)

    def offer(self, mix: Integers | None) -> None:
        """Take a mix that is cheaper than any before; none dearer matters from then on."""
        if mix is not None and (cost := int(self.costs @ mix)) < self._cost:
            self.mix, self._cost = mix, cost
            self.cutoff = min(self.cutoff, cost)

    # -- rounded rows ----------------------------------------------------------------------------

    def _round_rows(self, root: Node, deadline: Deadline) -> None:
        """Add rounded rows at the root as long as they raise its bound."""
        known: set[bytes] = set()
        values: list[float] = []
        for _ in range(MOST_ROUNDS):
            optimum = self._bounded(root)
            if optimum is None:
                self._open.clear()
                return
            self.offer(filled_up(self.costs, self.rows, self._limits, optimum.numbers))
            values.append(optimum.value)
            stuck = len(values) > 3 and values[-1] - values[-3] < FEWEST_GAIN * (self.cutoff - values[-1])
            if stuck or deadline.over or not self._added(root, optimum, known, deadline):
                return

    def _added(self, root: Node, optimum: Optimum, known: set[bytes], deadline: Deadline) -> int:
        """Add the best rounded rows of the tight rows; return how many."""
        found: list[Rounded] = []
        for t in np.flatnonzero(optimum.prices > 0).tolist():
            if not deadline.over:
                row, least = self.rows.values[t], int(self.rows.least[t])
                found += roundings(row, least, root.lower, root.upper, optimum.numbers)
        added = 0
        for cut in sorted(found, key=lambda cut: -cut.violation):
            key = cut.values.tobytes() + cut.least.to_bytes(9, "big", signed=True)
            if added < MOST_PER_ROUND and key not in known:
                known.add(key)
                added += self.rows.append(cut.values.tolist(), cut.least)
        return added
