"""The covering model: the cheapest mix of hosts whose capacities add up to what is reserved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil, gcd
from typing import NamedTuple

import numpy as np
import pulp
from numpy.typing import NDArray

from formulations.host_mix import Cut
from formulations.instance import Instance
from formulations.program import Expression, Program
from formulations.quantities import common_quantum


class Mix(NamedTuple):
    """Hosts that are alike to this model.

    Attributes
    ----------
    entries : tuple of int
        The host entries.
    capacity : tuple of int
        What each host has, in quanta.
    cost : Fraction
        Of one host in use.
    number : int
        How many hosts there are.
    """

    entries: tuple[int, ...]
    capacity: tuple[int, ...]
    cost: Fraction
    number: int


class Covering:
    """Minimise ``sum_k c[k] n[k]`` with ``sum_k C[k,r] n[k] >= D[r]`` for every resource r, n[k] integer.

    Every placement satisfies it: ``n[k]`` is then the number of hosts of mix k in use and ``D``
    the total reservation of all VMs that must be placed. So its optimum, and any bound on it, is
    a lower bound on the cost of hosts. It sees neither rules nor that VMs cannot be cut.

    Parameters
    ----------
    instance : Instance
    costs : sequence of Fraction
        Per host entry what one host in use costs: 1 for counting hosts.
    everyone : bool
        Whether every wanted VM must be placed; otherwise only ignored VMs count.

    Attributes
    ----------
    problem : pulp.LpProblem
    mixes : tuple of Mix
    demand : tuple of int
        ``D``, in quanta.
    constant : Fraction
        Cost of hosts in maintenance on which ignored VMs stay: add it to the program's value.
    """

    def __init__(self, instance: Instance, costs: Sequence[Fraction], *, everyone: bool = True) -> None:
        self.instance = instance
        self._program = Program(f"covering {instance.name}".strip())
        self._set_aside_stuck_vms(costs)
        self.demand = self._reserved(everyone)
        self.mixes = tuple(self._alike(costs))
        self.step = common_quantum(mix.cost for mix in self.mixes)
        self.number = [self._program.integer(f"number_{self._name(mix)}", 0, mix.number) for mix in self.mixes]
        self._minimise_cost()
        self._cover_every_resource()

    @property
    def problem(self) -> pulp.LpProblem:
        """The program as PuLP's."""
        return self._program.problem

    def cuts(self) -> Iterator[Cut]:
        """Yield the program's rows as exact cuts of a host-mix program, one per resource."""
        for r, resource in enumerate(self.instance.resources):
            yield Cut(tuple(mix.capacity[r] for mix in self.mixes), self.demand[r], f"volume of {resource.name}")

    def cost_of(self, values: Mapping[str, float]) -> Fraction:
        """Return the exact cost of a solution, given by variable name."""
        number = [round(values.get(variable.name, 0.0)) for variable in self.number]
        return self.constant + sum((mix.cost * n for mix, n in zip(self.mixes, number, strict=True)), Fraction(0))

    def cost_of_steps(self, steps: int) -> Fraction:
        """Return the cost that a whole number of steps of the program's objective stands for."""
        return self.constant + self.step * steps

    def sound_bound(self, bound: float) -> Fraction:
        """Return what a solver's floating dual bound on the program proves of the hosts' cost.

        The bound is lowered by the solver's tolerance and lifted to the next value that a sum
        of costs can take.
        """
        steps = Fraction(bound)  # the program counts costs in steps
        lowered = max(Fraction(0), steps - max(Fraction(1), abs(steps)) / 10**6)
        return self.constant + self.step * ceil(lowered)

    # -- data --------------------------------------------------------------------------------

    def _set_aside_stuck_vms(self, costs: Sequence[Fraction]) -> None:
        """Note the ignored VMs that stay on hosts in maintenance, and what these hosts cost."""
        instance, entries = self.instance, self.instance.host_names.entries()
        stays = instance.wanted & instance.ignored
        self._stuck: NDArray[np.bool_] = stays & ~instance.usable_entries[entries[np.maximum(instance.current, 0)]]
        hosts = np.unique(instance.current[self._stuck])
        self.constant = sum((costs[entry] for entry in entries[hosts].tolist()), Fraction(0))

    def _reserved(self, everyone: bool) -> tuple[int, ...]:
        instance = self.instance
        served = instance.wanted & ~self._stuck
        if not everyone:
            served = served & instance.ignored
        counts = np.bincount(instance.vm_entry[served], minlength=len(instance.vms)).tolist()
        columns = instance.tables.lower.T.tolist()
        return tuple(sum(low * n for low, n in zip(column, counts, strict=True)) for column in columns)

    def _alike(self, costs: Sequence[Fraction]) -> list[Mix]:
        """Return usable hosts of equal capacity and cost together."""
        found: dict[tuple[tuple[int, ...], Fraction], list[int]] = {}
        for entry in np.flatnonzero(self.instance.usable_entries).tolist():
            row = self.instance.tables.capacity[entry].tolist()
            # More than all that is reserved serves no better than all of it.
            useful = tuple(min(have, need) for have, need in zip(row, self.demand, strict=True))
            found.setdefault((useful, costs[entry]), []).append(entry)
        members = self.instance.host_names.counts
        return [Mix(tuple(e), capacity, cost, int(members[e].sum())) for (capacity, cost), e in found.items()]

    def _name(self, mix: Mix) -> str:
        return self.instance.hosts[mix.entries[0]].name

    # -- the program -------------------------------------------------------------------------

    def _minimise_cost(self) -> None:
        """State the objective in steps: whole numbers however costs are given."""
        terms = {n: float(mix.cost / self.step) for n, mix in zip(self.number, self.mixes, strict=True)}
        self.problem.setObjective(Expression(terms).pulp())

    def _cover_every_resource(self) -> None:
        """Require that the hosts in use have together at least what is reserved of every resource."""
        for r, resource in enumerate(self.instance.resources):
            column = [mix.capacity[r] for mix in self.mixes]
            unit = gcd(*column) or 1
            terms = {n: float(have // unit) for n, have in zip(self.number, column, strict=True) if have}
            # In whole units of the hosts' common divisor the demand may be rounded up.
            self._program.at_least(Expression(terms), float(-(-self.demand[r] // unit)), f"cover_{resource.name}")
