"""Bounds before any search: what hosts must cost, by volume, cliques and the host-mix program."""

from __future__ import annotations

import logging
from fractions import Fraction

import msgspec

from formulations.bounds import Bounds, Size
from formulations.covering import Covering
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import VM
from formulations.objective import ObjectiveLevel
from formulations.program import ContradictionError
from formulations.quantities import exact
from solver.bounds import lower_bound
from solver.bounds.host_mix import HostMix, MixProof
from solver.deadline import Deadline
from solver.engines.search import Search
from solver.errors import BackendError

log = logging.getLogger("placewright")

COVER_SECONDS = 5.0
"""The covering program gets at most so long, and a tenth of the time left."""


def bound_levels(search: Search) -> None:
    """Bound every level by what every placement needs; one of several terms by the sum of theirs.

    A level after others may count only placements at least as good on these: where they leave
    no VM unplaced, all are counted; where they leave no demand unmet, demands count as reserved.
    """
    for number in range(len(search.levels)):
        if search.met(number):
            continue
        everyone = not search.instance.allow_unplaced
        _bound(search, number, search.instance, everyone=everyone, whatever_earlier=True)
        served = _held_at_zero(search, number, "unmet_demand")
        placed = _held_at_zero(search, number, "unplaced")
        if (served or (placed and not everyone)) and not search.infeasible:
            promised = _firm(search.instance) if served else search.instance
            _bound(search, number, promised, everyone=everyone or placed, whatever_earlier=False)


def _bound(search: Search, number: int, instance: Instance, *, everyone: bool, whatever_earlier: bool) -> None:
    """Bound one level by the simple bounds and by the covering program."""
    stated = search.levels[number]
    proofs = [(term, *lower_bound(instance, term, all_placed=everyone)) for term in stated.terms]
    value = sum((exact(term.weight) * least for term, least, _ in proofs), Fraction(0))
    named = [proved_by for _, least, proved_by in proofs if least] or [proofs[0][2]]
    search.prove(number, value, " + ".join(dict.fromkeys(named)), whatever_earlier=whatever_earlier)
    kinds = {term.kind for term in stated.terms}
    if len(stated.terms) > 1 or not kinds <= {"hosts", "cost"} or search.met(number) or search.deadline.over:
        return
    try:
        covering = Covering(instance, _host_costs(instance, stated), everyone=everyone)
    except ContradictionError as error:
        log.info("all hosts together are too small: %s", error)
        search.infeasible = search.values is None
        return
    _cover(search, number, covering, whatever_earlier=whatever_earlier)


def _cover(search: Search, number: int, covering: Covering, *, whatever_earlier: bool) -> None:
    """Solve the covering program for a level's bound: exactly, or as far as the backend's word goes."""
    limit = search.deadline.within(min(COVER_SECONDS, 0.1 * search.deadline.left))
    proof = _exact_cover(covering, limit)
    if proof is not None and proof.infeasible:
        log.info("all hosts together are too small")
        search.infeasible = search.values is None
        return
    if proof is not None:
        bound = covering.cost_of_steps(proof.bound)
        search.prove(number, bound, "host-mix program, exact", whatever_earlier=whatever_earlier)
    if proof is None or not (proof.optimal or search.met(number)):
        _cover_by_backend(search, number, covering, whatever_earlier=whatever_earlier)


def _exact_cover(covering: Covering, limit: Deadline) -> MixProof | None:
    """Return what is proved of the covering program in integers; None where these are too large."""
    costs = [int(mix.cost / covering.step) for mix in covering.mixes]
    try:
        program = HostMix(costs, [mix.number for mix in covering.mixes])
    except InputError as error:
        log.info("covering: %s", error)
        return None
    for cut in covering.cuts():
        program.add(cut)
    return program.prove(limit)


def _cover_by_backend(search: Search, number: int, covering: Covering, *, whatever_earlier: bool) -> None:
    """Ask the backend for the covering program's bound; what it says counts less its tolerance."""
    limit = search.deadline.within(min(COVER_SECONDS, 0.1 * search.deadline.left))
    try:
        solution = search.backend.solve(covering.problem, deadline=limit, settings=search.settings)
    except BackendError as error:
        search.failed(error)
        return
    search.failures = 0
    if solution.bound is not None:
        bound, who = covering.sound_bound(solution.bound), f"covering program, {solution.backend}"
        search.prove(number, bound, who, whatever_earlier=whatever_earlier)


def _host_costs(instance: Instance, stated: ObjectiveLevel) -> list[Fraction]:
    """Return what one host of each entry in use adds to a level of one hosts or cost term."""
    (term,) = stated.terms
    costs = [Fraction(1) if term.kind == "hosts" else exact(host.cost or 0) for host in instance.hosts]
    return [cost * exact(term.weight) for cost in costs]


def _held_at_zero(search: Search, level: int, kind: str) -> bool:
    """Whether the levels before this one prove that a kind of term is 0."""
    wanted = {vm.priority for vm in search.instance.vms} if kind == "unplaced" else {None}
    zero: set[int | None] = set()
    for earlier in range(level):
        if search.values is not None and search.values[earlier] == 0:
            terms = [term for term in search.levels[earlier].terms if term.kind == kind and term.resource is None]
            zero.update(term.priority for term in terms)
    return None in zero or wanted <= zero


def _firm(instance: Instance) -> Instance:
    """Return the instance with every demand reserved."""
    return instance.replace(vms=[_firm_vm(vm) for vm in instance.vms], objective=[])


def _firm_vm(vm: VM) -> VM:
    sizes: dict[str, Size] = {name: _firm_size(size) for name, size in vm.resources.items()}
    return msgspec.structs.replace(vm, resources=sizes)


def _firm_size(size: Size) -> Size:
    if not isinstance(size, Bounds):
        return size
    expected = size.demand if size.demand is not None else size.limit
    reserved = max(expected) if isinstance(expected, list) else expected
    if reserved is None:
        return size
    return Bounds(reservation=reserved, demand=reserved, limit=size.limit, shares=size.shares)
