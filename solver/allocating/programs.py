"""Allocation by programs: optima where rows are no polymatroid, and max-min fairness as a sequence of LPs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from formulations.allocation.container import Container, Filling
from formulations.allocation.free import Amounts, FreeAllocation, RisingLevel
from solver.allocating.filling import brimful, give, satisfied
from solver.backends.base import Backend, Outcome, Settings, Solution
from solver.deadline import Deadline
from solver.errors import BackendError

logger = logging.getLogger("placewright")

ACCURACY = 1e-6
"""How closely, relative to the largest level, a solver's levels are told apart."""

LONGEST_PROGRAM = 30.0
"""Seconds for one resource of one host; they take a tenth of a second. What is found by then is used."""

Goal = Literal["utilisation", "satisfaction"]


def optimum(container: Container, goal: Goal, backend: Backend, deadline: Deadline, *, integral: bool) -> list[int]:
    """Return an allocation with the largest utilisation or weighted satisfaction, in whole steps.

    The search starts from the greedy allocation, so that a deadline leaves something valid.

    Parameters
    ----------
    container : Container
        Feasible.
    integral : bool
        Whether to decide all amounts in integers, not only slices of whole cores. The others
        are then rounded to fit.

    Raises
    ------
    BackendError
        If the backend stopped without a solution, or failed.
    """
    model = FreeAllocation((container,), integral=integral, name=goal)
    if goal == "utilisation":
        model.maximise_utilisation()
        start = brimful(container)
    else:
        model.maximise_satisfaction()
        start = satisfied(container)
    solution = _solved(model, backend, deadline.within(LONGEST_PROGRAM), model.encode([start]))
    if solution.outcome is not Outcome.OPTIMAL:
        logger.warning("%s of %s: %s stopped before the proof", goal, container.resource, solution.backend)
    return _fitting(container, model.decode(solution.values)[0])


def _solved(
    model: FreeAllocation, backend: Backend, deadline: Deadline, start: Mapping[str, float] | None = None
) -> Solution:
    solution = backend.solve(model.problem, deadline=deadline, settings=Settings(), start=start)
    if not solution.found:
        raise BackendError(f"{solution.backend}: {solution.outcome} on a program that has a solution")
    return solution


def _fitting(container: Container, amounts: Sequence[float]) -> list[int]:
    """Round a solver's amounts to whole steps that fit; fill up to demands what rounding left."""
    whole = [
        min(high, max(low, round(a / step) * step))
        for low, a, high, step in zip(container.lower, amounts, container.upper, container.step, strict=True)
    ]
    gain = [Fraction(w, max(1, d)) for w, d in zip(container.shares, container.demand, strict=True)]
    order = sorted(range(len(container)), key=lambda i: gain[i])
    for row in container.rows:
        for i in order:
            excess = row.load(whole) - row.capacity
            if excess > 0 and row.coefficients[i]:
                step = container.step[i]
                steps = min(-(-excess // (row.coefficients[i] * step)), (whole[i] - container.lower[i]) // step)
                whole[i] -= steps * step
    wanted = [
        max(have, min(high, -(-d // step) * step))
        for have, d, high, step in zip(whole, container.demand, container.upper, container.step, strict=True)
    ]
    return [int(a) for a in give(container.bounded(whole, wanted), whole, reversed(order))]


def filling_by_programs(filling: Filling, backend: Backend, deadline: Deadline) -> Amounts:
    """Return the progressive filling as a sequence of linear programs.

    Each round raises the common level of all active members as far as it goes, up to the next
    upper bound, and then asks who can rise further; whoever cannot is held where it is.

    Raises
    ------
    BackendError
        If the backend failed, or its tolerances hide who is held.
    """
    rounds = _Rounds(_scaled(filling), backend, deadline)
    while rounds.active:
        rounds.play()
    return rounds.amounts


def _scaled(filling: Filling) -> Filling:
    """Return the same filling with levels in quanta, which suits a solver's tolerances."""
    largest = Fraction(max((slope for part in filling.slopes for slope in part), default=0))
    if not largest:
        return filling
    return filling._replace(slopes=tuple(tuple(slope / largest for slope in part) for part in filling.slopes))


class _Rounds:
    """The state between two programs of the sequence: who is active, capped, or held at what."""

    def __init__(self, filling: Filling, backend: Backend, deadline: Deadline) -> None:
        self.filling, self.backend, self.deadline = filling, backend, deadline
        self.amounts: Amounts = [[float(low) for low in container.lower] for container in filling.containers]
        pairs = [(part, i) for part, container in enumerate(filling.containers) for i in range(len(container))]
        self.tops = {
            (part, i): float((filling.containers[part].upper[i] - filling.starts[part][i]) / filling.slopes[part][i])
            for part, i in pairs
            if filling.slopes[part][i] > 0
        }
        self.capped = {
            (part, i) for part, i in self.tops if filling.containers[part].lower[i] == filling.containers[part].upper[i]
        }
        self.active = {i for pair in self.tops if pair not in self.capped for i in [pair[1]]}

    def play(self) -> None:
        """Raise the level once and hold or cap whoever cannot rise further."""
        rising = {pair: top for pair, top in self.tops.items() if pair[1] in self.active and pair not in self.capped}
        most = min(rising.values())
        model = RisingLevel(self.filling, self.active, self.capped, self.amounts)
        model.maximise_level(most)
        level = _solved(model, self.backend, self.deadline).values["level"]
        slack = ACCURACY * max(1.0, *rising.values())
        self._follow(level)
        at_top = {pair for pair, top in rising.items() if top <= level + slack}
        self.capped |= at_top
        done = {i for i in self.active if all(pair in self.capped for pair in self.tops if pair[1] == i)}
        self.active -= done
        held = self._held(level, slack) if self.active else set()
        if not at_top and not held:
            raise BackendError(f"{self.backend.name} found no limiting member at level {level}")
        self.active -= held

    def _follow(self, level: float) -> None:
        """Set the amounts of active members to what the level gives them."""
        for part, i in self.tops:
            if i in self.active:
                container = self.filling.containers[part]
                height = self.filling.starts[part][i] + float(self.filling.slopes[part][i]) * level
                self.amounts[part][i] = min(max(height, container.lower[i]), container.upper[i])

    def _held(self, level: float, slack: float) -> set[int]:
        """Return the active members that no allocation lets rise above the level."""
        candidates = set(self.active)
        while candidates:
            model = RisingLevel(self.filling, self.active, self.capped, self.amounts)
            model.maximise_further(level, candidates, most=100 * slack)
            values = _solved(model, self.backend, self.deadline).values
            free = {i for i in candidates if values[f"further_{i + 1}"] > 10 * slack}
            if not free:
                break
            candidates -= free
        return candidates


def named(container: Container, members: Sequence[str]) -> Container:
    """Return the container with names for its members, as they appear in LP files."""
    return replace(container, members=tuple(members))
