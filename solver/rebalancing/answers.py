"""The ways to ask for re-placement, and what each answers: the placement, its moves, and why each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.rules import Selector
from solver.placing import DEFAULT_SECONDS, place
from solver.rebalancing.questions import Price, admit_question, budgeted, drain_question, preferring, repair_question
from solver.rebalancing.reasons import Move, Reasons
from solver.result import Result, Status
from solver.verifying import Verdict, level_values, verify

MOST_PREFERRING = 5.0
"""Seconds at most in which equally good answers to a repair are searched for the best one."""

LEAST_PREFERRING = 1.0
"""It takes no longer than the repair itself took, but may take so long."""


@dataclass(frozen=True)
class Replacement:
    """What to do about VMs that run already.

    Attributes
    ----------
    result : Result
        The answer to the question asked; its placement is what the migration planner takes as target.
    before : Verdict
        What is wrong now: violations of the current placement.
    moves : tuple of Move
        Every VM that changes its host, and why.
    started : tuple of str
        The VMs that get a host and have none now.
    """

    result: Result
    before: Verdict
    moves: tuple[Move, ...]
    started: tuple[str, ...]

    @property
    def no_action_needed(self) -> bool:
        """Whether everything may stay as it is, and that is the best answer to the question."""
        found = self.result.status is Status.OPTIMAL or not self.before.violations
        return self.result.placement is not None and found and not self.moves and not self.started


def rebalance(
    instance: Instance, *, most_moves: int | None = None, seconds: float = DEFAULT_SECONDS, **settings: Any
) -> Replacement:
    """Improve a running placement for the instance's own objective, with at most so many moves.

    Parameters
    ----------
    instance : Instance
        With current hosts.
    most_moves : int, optional
    seconds : float
    **settings
        As for `solver.placing.place`.

    Raises
    ------
    InputError
        If no VM has a current host.
    """
    question = instance if most_moves is None else budgeted(instance, most_moves)
    _check_running(question)
    return _answered(question, place(question, seconds=seconds, **settings))


def repair(
    instance: Instance, *, price: Price = "moves", seconds: float = DEFAULT_SECONDS, **settings: Any
) -> Replacement:
    """Mend what is broken with the least movement and change nothing else.

    Every hard rule and capacity holds afterwards, hosts in maintenance are empty, and every VM
    that is on has a host. Nothing moves where nothing is broken. Of answers with equally little
    movement one is preferred that is good for the instance's own objective: a short search looks
    for it, and nothing is claimed of how good it is.

    Parameters
    ----------
    instance : Instance
        With current hosts.
    price : {"moves", "cost"}
        Whether moves are counted, or their costs added up.
    """
    return _mended(instance, repair_question(instance, price), seconds, settings)


def drain(
    instance: Instance,
    hosts: Sequence[Selector],
    *,
    price: Price = "moves",
    seconds: float = DEFAULT_SECONDS,
    **settings: Any,
) -> Replacement:
    """Empty some hosts with the least movement, and mend what is broken besides."""
    return _mended(instance, drain_question(instance, hosts, price), seconds, settings)


def admit(
    instance: Instance,
    vms: Sequence[Selector],
    *,
    price: Price = "moves",
    seconds: float = DEFAULT_SECONDS,
    **settings: Any,
) -> Replacement:
    """Make room now for VMs that do not run yet, with the least movement."""
    return _mended(instance, admit_question(instance, vms, price), seconds, settings)


def _mended(instance: Instance, question: Instance, seconds: float, settings: dict[str, Any]) -> Replacement:
    """Solve a repair question; of equally good answers prefer one that the instance's own objective does."""
    _check_running(question)
    result = place(question, seconds=seconds, **settings)
    left = min(MOST_PREFERRING, seconds - result.seconds, max(LEAST_PREFERRING, result.seconds))
    if result.placement is not None and not result.interrupted and left > 0 and _changes(question, result.placement):
        result = _preferred(instance, result, left, settings)
    return _answered(question, result)


def _preferred(instance: Instance, result: Result, seconds: float, settings: dict[str, Any]) -> Result:
    """Return the result with a placement of the same values that is better for the instance's own objective."""
    asked = {name: value for name, value in settings.items() if name not in {"progress", "start"}}
    wider = preferring(result.instance, instance)
    found = place(wider, seconds=seconds, start=result.placement, **asked)
    known = tuple(stated.value for stated in result.levels)
    if found.placement is None or level_values(result.instance, found.placement) != known:
        return result
    return replace(result, placement=found.placement, seconds=result.seconds + found.seconds)


def _changes(question: Instance, placement: Placement) -> bool:
    """Whether any VM moves or gets its first host."""
    return bool((placement.host_of != np.where(question.wanted, question.current, -1)).any())


def _check_running(question: Instance) -> None:
    if not (question.current >= 0).any():
        raise InputError("no VM has a current host: there is nothing to re-place", "vms")


def _answered(question: Instance, result: Result) -> Replacement:
    """Say what moves and why."""
    before = verify(question, Placement(np.where(question.wanted, question.current, -1)))
    if result.placement is None:
        return Replacement(result, before, (), ())
    new = np.flatnonzero(question.wanted & (question.current < 0) & result.placement.placed)
    started = tuple(question.vm_names.name(vm) for vm in new.tolist())
    return Replacement(result, before, Reasons(question, result.placement).moves(), started)
