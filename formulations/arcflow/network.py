"""The network of a packing problem: its graph, and what the graph's levels and starts stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from formulations.arcflow.diagram import diagram_of
from formulations.arcflow.graph import Graph
from formulations.arcflow.levels import Lattice, levels_of
from formulations.errors import UnsupportedError
from formulations.tables import Integers
from formulations.vector_packing import Mask, VectorPacking

MOST_STATES = 3_000_000
"""A problem with more states before compression is refused."""

MOST_ARCS = 150_000
"""A problem with more arcs after compression is refused."""


def never() -> bool:
    """Return False: do not give up."""
    return False


@dataclass(frozen=True, eq=False)
class Network:
    """All fillings of all types of bins, as paths in one graph.

    Items that take nothing are left out of it.

    Attributes
    ----------
    problem : VectorPacking
    lattice : Lattice
    graph : Graph
    """

    problem: VectorPacking
    lattice: Lattice
    graph: Graph

    @classmethod
    def of(
        cls,
        problem: VectorPacking,
        *,
        stop: Callable[[], bool] = never,
        compressed: bool = True,
        most_states: int = MOST_STATES,
        most_arcs: int = MOST_ARCS,
    ) -> Network:
        """Return the network of a problem.

        Parameters
        ----------
        problem : VectorPacking
        stop : callable, optional
            Asked between steps whether to give up.
        compressed : bool
            Whether nodes that may be passed at the same load become one (see `Graph.compressed`).
        most_states, most_arcs : int
            What is held at most.

        Raises
        ------
        UnsupportedError
            If it would become larger than that, if no item takes anything, or if some item fits no bin.
        TimeoutError
            When ``stop`` says so.
        """
        if not problem.fits.any(axis=1).all():
            raise UnsupportedError("the arc-flow model needs a bin for every item, and some item fits none")
        lattice = Lattice.of(problem)
        if not len(lattice.flavours):
            raise UnsupportedError("the arc-flow model needs items that take something, and none does")
        levels, starts = levels_of(lattice, most_states, stop)
        diagram = diagram_of(lattice, levels, starts, stop)
        graph = Graph.of(diagram)
        if compressed:
            graph = graph.compressed(lattice, diagram.latest)
        if graph.arcs > most_arcs:
            raise UnsupportedError(
                f"the arc-flow model holds at most {most_arcs:,} arcs, and this problem has {graph.arcs:,}"
            )
        if stop():
            raise TimeoutError
        return cls(problem, lattice, graph)

    @property
    def demand(self) -> Integers:
        """How many items of each of the lattice's flavours there are: shape (levels,)."""
        return self.problem.demand[self.lattice.flavours]

    @property
    def costs(self) -> Integers:
        """What a bin of each of the lattice's types costs: shape (starts,)."""
        return self.problem.costs[self.lattice.types]

    @property
    def available(self) -> Integers:
        """How many bins of each of the lattice's types there are: shape (starts,)."""
        return self.problem.available[self.lattice.types]

    def restricted(self, kept: Mask) -> Network:
        """Return the network with some of the graph's arcs only."""
        return replace(self, graph=self.graph.restricted(kept))
