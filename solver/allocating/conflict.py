"""Why no linear policy keeps all bounds: a minimal set of them, in words."""

from __future__ import annotations

from fractions import Fraction

from formulations.allocation.contention import HostResource
from solver.allocating.polygon import ZERO, Conflict, Mark, first_conflict, hulls
from solver.result import Reason


def reason_of_conflict(case: HostResource) -> Reason | None:
    """Return why no linear policy keeps the bounds; None if one does.

    Where the floors alone exceed the capacity no allocation of any kind fits, and the reason
    says by how much. Otherwise the facts are at most three bounds: no linear policy keeps
    them together, and without any one of them some policy keeps the others.
    """
    short = sum(case.lower, ZERO) - case.capacity
    if short > 0:
        return _reason_of_shortage(case, short)
    conflict = first_conflict(*hulls(case))
    if conflict is None:
        return None
    return Reason(
        _sentence(case, conflict),
        tuple(_fact(case, mark, "at least") for mark in conflict.floors)
        + tuple(_fact(case, mark, "at most") for mark in conflict.ceilings),
    )


def _reason_of_shortage(case: HostResource, short: Fraction) -> Reason:
    """Name the fewest floors that exceed the capacity together."""
    facts, left = [], case.capacity
    for vm in sorted(range(case.count), key=lambda vm: -case.lower[vm]):
        facts.append(f"{case.vms[vm]} gets at least {case.say(case.lower[vm])}")
        left -= case.lower[vm]
        if left < 0:
            break
    total = sum(case.lower, ZERO)
    message = (
        f"{case.resource} short by {case.say(short)}: the VMs must get {case.say(total)} of {case.say(case.capacity)}"
    )
    return Reason(message, (*facts, f"capacity is {case.say(case.capacity)}"))


def _fact(case: HostResource, mark: Mark, side: str) -> str:
    if mark.vm < 0:
        return f"capacity is {case.say(case.capacity)}"
    return f"{case.vms[mark.vm]} gets {side} {case.say(mark.amount)} (demand {case.say(mark.demand)})"


def _sentence(case: HostResource, conflict: Conflict) -> str:
    """Say what a policy that keeps all but the single mark gives at that mark's demand."""
    if len(conflict.ceilings) == 1:
        mark, kept, side, got = conflict.ceilings[0], conflict.floors, "at least", conflict.least
    else:
        mark, kept, side, got = conflict.floors[0], conflict.ceilings, "at most", conflict.most
    given = " and ".join(_given(case, one, side) for one in kept)
    if mark.vm < 0:
        return (
            f"{case.resource}: a linear policy that gives {given} gives {case.say(got * case.count)} or more in all, "
            f"over the capacity of {case.say(case.capacity)}"
        )
    more, stated = ("more", "limit") if side == "at least" else ("less", "floor")
    return (
        f"{case.resource}: a linear policy that gives {given} gives {case.vms[mark.vm]} {case.say(got)} or {more}, "
        f"its {stated} is {case.say(mark.amount)}"
    )


def _given(case: HostResource, mark: Mark, side: str) -> str:
    if mark.vm < 0:
        return f"all VMs together {side} {case.say(case.capacity)}"
    return f"{case.vms[mark.vm]} {side} {case.say(mark.amount)}"
