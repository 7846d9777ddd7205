"""The arc-flow model: bins as units of flow, every unit a path that fills one bin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import pulp

from formulations.arcflow.network import Network, never
from formulations.program import Expression, Program
from formulations.tables import Integers
from formulations.vector_packing import Packing

Part = TypeVar("Part")

_OFTEN = 1000
"""After so many variables or rows it is asked whether to give up."""


class ArcFlow:
    """Minimise ``sum_k c[k] z[k]`` over flows ``f`` in a graph whose paths are fillings of a bin.

    - ``z[k] <= available[k]`` units of flow, bins of type k, start in the node of that type;
    - every node but the sink is left by as many units as enter it;
    - the arcs that take an item of flavour i carry at least ``demand[i]`` units;
    - ``f`` and ``z`` are whole numbers.

    The general arc-flow formulation of F. Brandão and J. P. Pedroso (Bin packing and related
    problems: General arc-flow formulation with graph compression, Computers & Operations Research
    69, 2016, doi:10.1016/j.cor.2015.11.009). One graph serves all types: a bin of a smaller type
    starts where the room that it lacks is used up.

    Parameters
    ----------
    network : Network
    stop : callable, optional
        Asked now and then whether to give up.

    Raises
    ------
    ContradictionError
        If no arc is left that takes an item of some flavour.
    TimeoutError
        When ``stop`` says so.

    Attributes
    ----------
    bins : list of pulp.LpVariable
        ``z``, one per start of the graph.
    flow : list of pulp.LpVariable
        ``f``, one per arc of the graph.
    """

    def __init__(self, network: Network, *, stop: Callable[[], bool] = never) -> None:
        self.network, self._stop = network, stop
        self._program = Program("arc-flow")
        self._make_variables()
        self._cost = Expression({z: float(c) for z, c in zip(self.bins, network.costs.tolist(), strict=True) if c})
        self.problem.setObjective(self._cost.pulp())
        self._meet_demand()
        self._conserve_flow()

    @property
    def problem(self) -> pulp.LpProblem:
        """The program as PuLP's."""
        return self._program.problem

    def hold_cost(self, low: int, high: int | None) -> None:
        """Look for costs in a range only: below it there is proved to be none, above it none is wanted."""
        self._program.at_least(self._cost, float(low), "cost_at_least")
        if high is not None:
            self._program.at_most(self._cost, float(high), "cost_at_most")

    # -- the program -------------------------------------------------------------------------

    def _make_variables(self) -> None:
        graph, lattice, available = self.network.graph, self.network.lattice, self.network.available.tolist()
        types, flavours, most = lattice.types.tolist(), lattice.flavours.tolist(), sum(available)
        self.bins = [self._program.integer(f"bins_{k}", 0, n) for k, n in zip(types, available, strict=True)]
        arcs = zip(graph.tails.tolist(), graph.heads.tolist(), graph.levels.tolist(), strict=True)
        self.flow = [
            self._program.integer(
                f"from_{tail}_to_{head}" + (f"_item_{flavours[level]}" if level >= 0 else ""), 0, most
            )
            for tail, head, level in self._timed(arcs)
        ]

    def _meet_demand(self) -> None:
        """Let the arcs that take a flavour's items carry its demand at least; what is too much is taken out later."""
        taking = [Expression() for _ in self.network.demand]
        for variable, level in zip(self.flow, self.network.graph.levels.tolist(), strict=True):
            if level >= 0:
                taking[level].add(variable)
        demand = zip(self.network.lattice.flavours.tolist(), self.network.demand.tolist(), taking, strict=True)
        for flavour, number, carried in demand:
            self._program.at_least(carried, float(number), f"demand_{flavour}")

    def _conserve_flow(self) -> None:
        """Let every node but the sink be left by what enters it."""
        graph = self.network.graph
        balance = [Expression() for _ in range(graph.nodes)]
        for variable, tail, head in zip(self.flow, graph.tails.tolist(), graph.heads.tolist(), strict=True):
            balance[tail].add(variable)
            balance[head].add(variable, -1.0)
        for variable, start in zip(self.bins, graph.starts.tolist(), strict=True):
            balance[start].add(variable, -1.0)
        for node, expression in self._timed(enumerate(balance)):
            if node != graph.sink:
                self._program.equal(expression, 0.0, f"node_{node}")

    def _timed(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Yield the parts, and give up between two of them when it is time to."""
        for number, part in enumerate(parts):
            if number % _OFTEN == 0 and self._stop():
                raise TimeoutError
            yield part

    # -- solutions ---------------------------------------------------------------------------

    def decode(self, values: Mapping[str, float]) -> Packing:
        """Return the packing that a flow falls into, path by path; it may hold items in excess.

        Parameters
        ----------
        values : mapping of str to float
            The value of every variable by name.

        Raises
        ------
        ValueError
            If the rounded flow is not conserved, or carries too little.
        """
        flow = _Flow(self.network, [round(values[variable.name]) for variable in self.flow])
        found = [
            (kind, pattern, times)
            for variable, kind, start in zip(
                self.bins, self.network.lattice.types.tolist(), self.network.graph.starts.tolist(), strict=True
            )
            for pattern, times in flow.leaving(start, round(values[variable.name]))
        ]
        packed = sum((pattern * times for _, pattern, times in found), np.zeros_like(self.network.problem.demand))
        flavours = self.network.lattice.flavours
        if (packed[flavours] < self.network.demand).any():
            raise ValueError("the rounded flow carries too few items")
        return Packing.of(self._with_items_that_take_nothing(found), self.network.problem.flavours)

    def _with_items_that_take_nothing(self, found: list[tuple[int, Integers, int]]) -> list[tuple[int, Integers, int]]:
        """Put all of them into the first bin."""
        problem = self.network.problem
        weightless = np.where(problem.sizes.any(axis=1), 0, problem.demand)
        kind, pattern, times = found[0]
        return [(kind, pattern + weightless, 1), (kind, pattern, times - 1), *found[1:]]


class _Flow:
    """Whole units on arcs, taken off path by path."""

    def __init__(self, network: Network, units: list[int]) -> None:
        self.graph, self.flavours = network.graph, network.lattice.flavours
        self.shape = network.problem.flavours
        self.units = units
        self.out: list[list[int]] = [[] for _ in range(self.graph.nodes)]
        for arc, (tail, carried) in enumerate(zip(self.graph.tails.tolist(), units, strict=True)):
            if carried:
                self.out[tail].append(arc)

    def leaving(self, start: int, bins: int) -> list[tuple[Integers, int]]:
        """Take off that many units from a start to the sink; return patterns and how often each is used."""
        found = []
        while bins:
            arcs = self._path(start)
            times = min([bins, *(self.units[arc] for arc in arcs)])
            for arc in arcs:
                self.units[arc] -= times
                if not self.units[arc]:
                    self.out[int(self.graph.tails[arc])].remove(arc)
            levels = self.graph.levels[arcs]
            found.append(
                (np.bincount(self.flavours[levels[levels >= 0]], minlength=self.shape).astype(np.int64), times)
            )
            bins -= times
        return found

    def _path(self, start: int) -> list[int]:
        """Return arcs with flow that lead from a start to the sink."""
        node, arcs = start, list[int]()
        while node != self.graph.sink:
            if not self.out[node]:
                raise ValueError(f"the rounded flow is not conserved: it ends in node {node}")
            arcs.append(self.out[node][-1])
            node = int(self.graph.heads[arcs[-1]])
        return arcs
