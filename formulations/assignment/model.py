"""The assignment model: constraints and objective over its variables, and how a solution is read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pulp
from numpy.typing import NDArray

from formulations.assignment import rules, terms
from formulations.assignment.capacity import Capacity
from formulations.assignment.scope import Scope
from formulations.assignment.variables import Variables
from formulations.candidates import Candidates
from formulations.instance import Instance
from formulations.lattice import TOLERANCE, step_of
from formulations.objective import ObjectiveLevel
from formulations.placement import Placement
from formulations.program import Expression
from formulations.quantities import exact
from formulations.rules import Rule

Integers = NDArray[np.int64]


class Assignment(Variables):
    """An instance, or the part of it in a scope, as an integer program.

    Every objective level's expression gives the level's value for the whole instance, fixed
    part included.

    Parameters
    ----------
    instance : Instance
    scope : Scope, optional
        What is free; everything by default.
    candidates : Candidates, optional
        Shared between models of one instance to save work.
    stop : callable, optional
        Asked now and then while the model is built; True ends that with a `TimeoutError`.

    Attributes
    ----------
    levels : list of Expression
        One per objective level, to be minimised in order.

    Raises
    ------
    ContradictionError
        If a constraint is false whatever the variables.
    TimeoutError
        If ``stop`` says so.
    """

    def __init__(
        self,
        instance: Instance,
        scope: Scope | None = None,
        candidates: Candidates | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(instance, scope or Scope.whole(instance), candidates or Candidates(instance), stop)
        self._place_every_wanted_vm()
        self.capacity = Capacity(self)
        self._use_interchangeable_hosts_in_order()
        self.amounts = [(rule, self._encoded(rule)) for rule in instance.rules]
        self.levels = [self._level(stated) for stated in self.stated]

    @property
    def problem(self) -> pulp.LpProblem:
        """The model as PuLP's."""
        return self.program.problem

    # -- constraints ---------------------------------------------------------------------

    def _place_every_wanted_vm(self) -> None:
        for vm, hosts in self.x.items():
            name = f"place_{self.instance.vm_names.name(vm)}"
            if self.may_stay_out(vm):
                self.program.at_most(Expression.total(hosts.values()), 1, name)
            else:
                self.program.equal(Expression.total(hosts.values()), 1, name)

    def _use_interchangeable_hosts_in_order(self) -> None:
        """Break the symmetry between counted hosts that nothing tells apart."""
        self._in_order: list[Integers] = []
        if not self.on:
            return
        names = self.instance.host_names
        entry_of = names.entry_of(self.scope.hosts)
        for entry in np.unique(entry_of).tolist():
            hosts = self.scope.hosts[entry_of == entry]
            if len(hosts) > 1 and self._interchangeable(entry):
                self._in_order.append(hosts)
                for first, second in zip(hosts[:-1].tolist(), hosts[1:].tolist(), strict=True):
                    ordered = Expression({self.on[second]: 1.0, self.on[first]: -1.0})
                    self.program.at_most(ordered, 0, f"order_{names.name(second)}")

    def _interchangeable(self, entry: int) -> bool:
        members = self.instance.host_names.members(entry)
        if np.isin(self.instance.current, members).any():
            return False
        for rule in self.instance.rules:
            for selectors in rule.host_selectors().values():
                named = int(np.isin(members, self.instance.hosts_called(selectors)).sum())
                if 0 < named < len(members):
                    return False
        return True

    def _encoded(self, rule: Rule) -> Expression:
        self.check_time()
        return rules.encode(self, rule)

    # -- objective -----------------------------------------------------------------------

    def _level(self, stated: ObjectiveLevel) -> Expression:
        total, parts = Expression(), terms.Parts(self, self.capacity, self.amounts)
        for term in stated.terms:
            total.plus(terms.expression(parts, term), float(exact(term.weight)))
        return total

    def minimise(self, level: int) -> None:
        """Make a level the objective."""
        self.problem.setObjective(self.levels[level].pulp())

    def hold(self, level: int, value: float) -> None:
        """Require a level to be no worse than a value: to half a step where its values have steps.

        Where they have none, to ten times a solver's tolerance: held any tighter, solvers
        called models infeasible that have a solution.
        """
        step = step_of(self.instance, self.stated[level])
        slack = 10 * float(TOLERANCE) * max(1.0, abs(value)) if step is None else float(step) / 2
        self.program.at_most(self.levels[level], value + slack, f"hold_level{level}")

    # -- reading and starting ------------------------------------------------------------

    def _ordered(self, placement: Placement) -> Placement:
        """Return the placement with interchangeable hosts renumbered so that the first ones are in use."""
        host_of = placement.host_of.copy()
        for hosts in self._in_order:
            used = np.intersect1d(placement.hosts_used, hosts)
            for old, new in zip(used.tolist(), hosts.tolist(), strict=False):
                host_of[placement.host_of == old] = new
        return Placement(host_of, placement.allocation, placement.cells)

    def decode(self, values: Mapping[str, float]) -> Placement:
        """Return the placement that a solution's values stand for, without allocation."""
        host_of = self.scope.fixed.host_of.copy()
        for vm, hosts in self.x.items():
            host_of[vm] = next((host for host, x in hosts.items() if values.get(x.name, 0.0) > 0.5), -1)
        return Placement(host_of, None, self.capacity.decode_cells(values, host_of))

    def start(self, placement: Placement) -> dict[str, float]:
        """Return the values of the main variables that stand for a placement, or for one alike."""
        values: dict[str, float] = {}
        placement = self._ordered(placement)
        for vm, hosts in self.x.items():
            here = int(placement.host_of[vm])
            values.update({x.name: float(host == here) for host, x in hosts.items()})
        used = set(placement.hosts_used.tolist())
        values.update({on.name: float(host in used) for host, on in self.on.items()})
        values.update(self.capacity.start(placement))
        return values
