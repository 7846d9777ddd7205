"""Free allocation as linear programs: one variable for what each VM gets of each resource of its host."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

import pulp

from formulations.allocation.container import Container, Filling

Amounts = list[list[float]]

LONGEST_LABEL = 80


def _labels(containers: Sequence[Container]) -> list[list[str]]:
    """Return a name for every member of every container that LP files allow, all different."""
    labels = [
        [
            re.sub(r"\W", "_", f"{container.resource}_{container.member(i)}")[:LONGEST_LABEL]
            for i in range(len(container))
        ]
        for container in containers
    ]
    everyone = [label for part in labels for label in part]
    if len(set(everyone)) == len(everyone):
        return labels
    return [[f"{label}_{part + 1}_{i + 1}" for i, label in enumerate(own)] for part, own in enumerate(labels)]


class FreeAllocation:
    """What the members of one host get, with bounds and rows; an objective is chosen by a method.

    Parameters
    ----------
    containers : sequence of Container
        One per resource, of the same members.
    integral : bool
        Whether amounts are integers. Slices of whole cores always are, in cores.
    name : str
        Of the program.

    Notes
    -----
    Variables count above the lower bound: ``a = lower + extra``. An objective is multiplied by
    ``scale``, so that what one quantum gains is far above a floating-point solver's tolerances.
    """

    def __init__(
        self, containers: Sequence[Container], *, integral: bool = False, name: str = "free_allocation"
    ) -> None:
        self.containers = tuple(containers)
        self.integral = integral
        self.problem = pulp.LpProblem(name, pulp.LpMaximize)
        self.scale = 1
        self.labels = _labels(self.containers)
        self.met: dict[tuple[int, int], pulp.LpVariable] = {}
        self.extra = [self._extra_amounts(part) for part in range(len(self.containers))]
        self.hold_capacities()

    def _extra_amounts(self, part: int) -> list[pulp.LpVariable]:
        """Create what every member gets above its lower bound, in steps."""
        container, variables = self.containers[part], []
        for i, (low, high, step) in enumerate(zip(container.lower, container.upper, container.step, strict=True)):
            kind = "Integer" if step > 1 or self.integral else "Continuous"
            name = f"extra_{self.labels[part][i]}"
            variables.append(self.problem.add_variable(name, lowBound=0, upBound=(high - low) // step, cat=kind))
        return variables

    def hold_capacities(self) -> None:
        """State that the host, each cell and each burst budget hold what is allocated."""
        for part, (container, extra) in enumerate(zip(self.containers, self.extra, strict=True)):
            for n, row in enumerate(container.rows):
                columns = zip(extra, row.coefficients, container.step, strict=True)
                load = pulp.LpAffineExpression([(x, weight * step) for x, weight, step in columns if weight])
                left = row.capacity - row.load(container.lower)
                self.problem.addConstraint(load <= left, f"capacity_{part + 1}_{n + 1}_{row.name}")

    def maximise_utilisation(self) -> None:
        """Ask for the largest sum of ``extra / C`` over members and resources, C the host's."""
        self.scale = max([1, *(row.capacity for container in self.containers for row in container.rows[:1])])
        terms = []
        for container, extra in zip(self.containers, self.extra, strict=True):
            capacity = max(1, container.rows[0].capacity if container.rows else 1)
            terms += [(x, self.scale * step / capacity) for x, step in zip(extra, container.step, strict=True)]
        self.problem.setObjective(pulp.LpAffineExpression(terms))

    def maximise_satisfaction(self) -> None:
        """Ask for the largest ``sum shares * min(a, d) / d`` over members with demand.

        That is the smallest ``sum shares * max(0, d - a) / d``: the two add up to the shares.
        """
        self._scale_by_demand()
        gains, constant = [], Fraction(0)
        for part, container in enumerate(self.containers):
            for i, (w, d, low) in enumerate(zip(container.shares, container.demand, container.lower, strict=True)):
                if d:
                    constant += Fraction(w * min(low, d), d)
                if low < d:
                    gains.append((self._met(part, i), self.scale * w / d))
        self.problem.setObjective(pulp.LpAffineExpression(gains, constant=float(self.scale * constant)))

    def minimise_unmet(self) -> None:
        """Ask for the smallest ``sum shares * max(0, d - a) / d`` over members with demand."""
        self.problem.sense = pulp.LpMinimize
        self._scale_by_demand()
        losses = []
        for part, (container, extra) in enumerate(zip(self.containers, self.extra, strict=True)):
            for i, (w, d, low) in enumerate(zip(container.shares, container.demand, container.lower, strict=True)):
                if low < d:
                    name = self.labels[part][i]
                    short = self.problem.add_variable(f"short_{name}", lowBound=0)
                    self.problem.addConstraint(short + container.step[i] * extra[i] >= d - low, f"meet_{name}")
                    losses.append((short, self.scale * w / d))
        self.problem.setObjective(pulp.LpAffineExpression(losses))

    def _scale_by_demand(self) -> None:
        self.scale = max([1, *(d for container in self.containers for d in container.demand)])

    def _met(self, part: int, i: int) -> pulp.LpVariable:
        """Return what a member gets above its lower bound, counted up to its demand."""
        container, extra, name = self.containers[part], self.extra[part][i], self.labels[part][i]
        if container.step[i] == 1 and container.upper[i] <= container.demand[i]:
            return extra
        met = self.problem.add_variable(f"met_{name}", lowBound=0, upBound=container.demand[i] - container.lower[i])
        self.problem.addConstraint(met <= container.step[i] * extra, f"count_{name}")
        self.met[part, i] = met
        return met

    def encode(self, amounts: Sequence[Sequence[int]]) -> dict[str, float]:
        """Return the values of an allocation under utilisation or satisfaction, to start a solver from."""
        values = {}
        for part, container in enumerate(self.containers):
            for i, (a, low, step) in enumerate(zip(amounts[part], container.lower, container.step, strict=True)):
                values[self.extra[part][i].name] = (a - low) / step
                if (part, i) in self.met:
                    values[self.met[part, i].name] = max(0, min(a, container.demand[i]) - low)
        return values

    def decode(self, values: Mapping[str, float]) -> Amounts:
        """Return the amounts behind a solver's values."""
        return [
            [low + step * values[x.name] for low, step, x in zip(container.lower, container.step, extra, strict=True)]
            for container, extra in zip(self.containers, self.extra, strict=True)
        ]


class RisingLevel(FreeAllocation):
    """The largest level to which all active members can rise together, and who can rise further.

    The step of the sequence of linear programs that defines lexicographic max-min fairness, and
    dominant resource fairness: all that is active gets at least ``start + slope * level``.

    Parameters
    ----------
    filling : Filling
    active : collection of int
        Members that still rise.
    capped : collection of (int, int)
        Container and member of whoever has met its upper bound; it stays there.
    amounts : sequence of sequence
        What members that are not active keep, per container.
    """

    def __init__(
        self,
        filling: Filling,
        active: Collection[int],
        capped: Collection[tuple[int, int]],
        amounts: Sequence[Sequence[float]],
    ) -> None:
        super().__init__(filling.containers, name="rising_level")
        self.filling = filling
        self.rising = [
            (part, i)
            for part, container in enumerate(filling.containers)
            for i in range(len(container))
            if i in active and (part, i) not in capped and filling.slopes[part][i] > 0
        ]
        for part, container in enumerate(filling.containers):
            for i, x in enumerate(self.extra[part]):
                if i not in active:
                    x.bounds(amounts[part][i] - container.lower[i], amounts[part][i] - container.lower[i])
                elif (part, i) in capped:
                    x.bounds(container.upper[i] - container.lower[i], container.upper[i] - container.lower[i])

    def _lift(self, part: int, i: int, level: float) -> float:
        """Return how far above its lower bound a level is for a member."""
        filling = self.filling
        height = filling.starts[part][i] + float(filling.slopes[part][i]) * level
        return height - filling.containers[part].lower[i]

    def maximise_level(self, most: float) -> None:
        """Ask for the largest common level, at most ``most``."""
        level = self.problem.add_variable("level", lowBound=0, upBound=most)
        for part, i in self.rising:
            container = self.filling.containers[part]
            slope = float(self.filling.slopes[part][i])
            self.problem.addConstraint(
                self.extra[part][i] - slope * level >= self.filling.starts[part][i] - container.lower[i],
                f"rise_{self.labels[part][i]}",
            )
        self.problem.setObjective(pulp.LpAffineExpression([(level, 1)]))

    def maximise_further(self, level: float, candidates: Collection[int], most: float) -> None:
        """Ask how far the candidates, together, can rise above a level that all the others keep."""
        further = {
            i: self.problem.add_variable(f"further_{i + 1}", lowBound=0, upBound=most if i in candidates else 0)
            for i in sorted({i for _, i in self.rising})
        }
        for part, i in self.rising:
            self.problem.addConstraint(
                self.extra[part][i] - float(self.filling.slopes[part][i]) * further[i] >= self._lift(part, i, level),
                f"keep_{self.labels[part][i]}",
            )
        self.problem.setObjective(pulp.LpAffineExpression([(x, 1) for x in further.values()]))
