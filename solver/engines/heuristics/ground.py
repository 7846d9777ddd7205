"""What all heuristics need of a problem: sizes in shares of a reference capacity, and orders of types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.engines.heuristics.records import Floats, Stock


@dataclass(frozen=True, eq=False)
class Ground:
    """A problem as the compiled loops want it: contiguous, with shares beside integers.

    The reference capacity of a resource is the largest that any type of bin has: with one type
    a share is a share of the bin, as the literature defines its measures.
    """

    problem: VectorPacking

    @cached_property
    def sizes(self) -> Integers:
        """What an item of each flavour takes: shape (flavours, resources), at least one resource."""
        return _at_least_one_column(self.problem.sizes)

    @cached_property
    def capacities(self) -> Integers:
        """What a bin of each type holds: shape (types, resources), at least one resource."""
        return _at_least_one_column(self.problem.capacities)

    @cached_property
    def demand(self) -> Integers:
        """How many items of each flavour there are."""
        return np.ascontiguousarray(self.problem.demand, dtype=np.int64)

    @cached_property
    def most(self) -> Integers:
        """How many items of a flavour an empty bin of a type can take: shape (flavours, types)."""
        return np.ascontiguousarray(self.problem.most, dtype=np.int64)

    @cached_property
    def scale(self) -> Floats:
        """What turns an amount into a share of the reference capacity: shape (resources,)."""
        reference: Floats = self.capacities.max(axis=0, initial=0).astype(np.float64)
        scale: Floats = np.divide(1.0, reference, out=np.zeros_like(reference), where=reference > 0)
        return scale

    @cached_property
    def relative(self) -> Floats:
        """Sizes in shares: shape (flavours, resources)."""
        relative: Floats = np.ascontiguousarray(self.sizes * self.scale)
        return relative

    @cached_property
    def lengths(self) -> Floats:
        """The Euclidean length of every flavour's shares; 0 exactly for items that take nothing."""
        lengths: Floats = np.sqrt((self.relative**2).sum(axis=1))
        return lengths

    @cached_property
    def ranks(self) -> Integers:
        """Each flavour's resources, the largest share first: shape (flavours, resources)."""
        ranks: Integers = np.ascontiguousarray(np.argsort(-self.relative, axis=1, kind="stable"))
        return ranks

    @cached_property
    def totals(self) -> Integers:
        """What all items take together: shape (resources,)."""
        totals: Integers = (self.sizes * self.demand[:, None]).sum(axis=0)
        return totals

    @cached_property
    def worth(self) -> Floats:
        """What taking an item is worth: its shares, weighed by how scarce each resource is."""
        return self.relative @ self.scarcity

    @cached_property
    def scarcity(self) -> Floats:
        """How much of each resource is asked for, in reference bins, relative to the scarcest."""
        asked: Floats = self.totals * self.scale
        return asked / max(float(asked.max(initial=0.0)), 1e-300)

    @cached_property
    def openings(self) -> list[Integers]:
        """Orders in which types are opened, each once: by price, by cost, by capacity."""
        costs = self.problem.costs.astype(np.float64)
        value: Floats = (self.capacities * self.scale) @ self.scarcity
        rate: Floats = costs / np.maximum(value, 1e-300)
        keys = [(-value, rate), (-value, costs), (rate, -value)]
        found: dict[tuple[int, ...], Integers] = {}
        for second, first in keys:
            order: Integers = np.lexsort((second, first)).astype(np.int64)
            found.setdefault(tuple(order.tolist()), order)
        return list(found.values())

    def sequence(self, opening: Integers, bins: int) -> Iterator[tuple[int, int]]:
        """Yield (type, number) of the first so many bins of an opening order."""
        for k in opening.tolist():
            number = min(bins, int(self.problem.available[k]))
            if number > 0:
                yield k, number
            bins -= number

    def stock(self, opening: Integers) -> Stock:
        """Return what the compiled loops read, types opened in an order."""
        costs: Floats = self.problem.costs.astype(np.float64)
        return Stock(
            self.sizes,
            self.demand,
            self.most,
            self.capacities,
            self.relative,
            self.lengths,
            self.ranks,
            self.scale,
            costs,
            self.worth,
            opening,
        )

    @property
    def hopeless(self) -> bool:
        """Whether some item fits no bin at all."""
        return not bool(self.problem.fits.any(axis=1).all())


def _at_least_one_column(table: Integers) -> Integers:
    """Return a contiguous copy; without resources one of which nobody has or takes anything."""
    width = max(1, table.shape[1])
    copy: Integers = np.zeros((len(table), width), dtype=np.int64)
    copy[:, : table.shape[1]] = table
    return copy
