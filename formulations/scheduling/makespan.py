"""The shortest schedule of legs as a mixed-integer program: who starts before whom, and who has ended by then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import gcd

import numpy as np
import pulp

from formulations.errors import InputError
from formulations.program import Expression, Program
from formulations.scheduling.legs import Legs
from formulations.tables import Integers


class ShortestMakespan:
    """Minimise ``T`` over starts ``s[i]`` and binary orders of the legs that share a row.

    With durations p, heads r and tails q, ``b[i,j] = 1`` where leg i starts before leg j or with
    it and is counted first, and ``e[i,j] = 1`` only where leg i has ended when leg j starts:

    - ``s[i] + p[i] + q[i] <= T`` and ``s[i] >= r[i]``
    - ``s[j] >= s[i] - M (1 - b[i,j])``, ``b[i,j] + b[j,i] = 1``, ``b[i,j] + b[j,k] + b[k,i] <= 2``
    - ``s[j] >= s[i] + p[i] - M (1 - e[i,j])``, ``e[i,j] <= b[i,j]``
    - for every claim of leg j on a row: load + what the legs i with ``b[i,j] = 1`` claim there
      - what those with ``e[i,j] = 1`` release + the claim ``<=`` its limit
    - for rows of k slots, ``z[i,n] = 1`` where leg i uses slot n: ``sum_n z[i,n] = 1``,
      ``sum_i p[i] z[i,n] <= T``, and two legs of one slot do not overlap

    The last family is implied by the others; it brings the bound of parallel machines into the
    relaxation. M is smaller than any pair can need while the known makespan is to be improved on
    (disjunctive models: Manne 1960, doi:10.1287/opre.8.2.219).

    Parameters
    ----------
    legs : Legs
    head, tail : int64 arrays, shape (legs,)
        See `solver.scheduling.migration.bounds.Windows`.
    least, most : int
        A proved bound of the makespan, and a makespan that is known to be reached.

    Attributes
    ----------
    problem : pulp.LpProblem
    unit : int
        Milliseconds that one unit of the program's times stands for: all durations are multiples.
    """

    def __init__(self, legs: Legs, head: Integers, tail: Integers, least: int, most: int) -> None:
        if not len(legs):
            raise InputError("expected at least one leg", "legs")
        self.legs = legs
        self.unit = gcd(*legs.duration.tolist()) or 1
        self._program = Program("shortest makespan")
        self._duration: list[int] = [time // self.unit for time in legs.duration.tolist()]
        self._head: list[int] = [-(-time // self.unit) for time in head.tolist()]
        self._tail: list[int] = [-(-time // self.unit) for time in tail.tolist()]
        self._most = most // self.unit
        self._total = self._program.problem.add_variable("makespan", -(-least // self.unit), self._most)
        self._start = [
            self._program.problem.add_variable(self._program.unique(f"start_{leg}"), self._head[leg], self._latest(leg))
            for leg in range(len(legs))
        ]
        self._name_orders()
        self._end_in_time()
        self._order_starts()
        self._wait_for_ends()
        self._keep_given_order()
        self._keep_rows()
        self._share_slots()
        self.problem.setObjective(Expression({self._total: 1.0}).pulp())

    @property
    def problem(self) -> pulp.LpProblem:
        """The program as PuLP's."""
        return self._program.problem

    def start_values(self, start: Integers) -> dict[str, float]:
        """Return the values of all variables in a schedule that keeps everything, to start from."""
        end = start + self.legs.duration
        first = np.lexsort((np.arange(len(start)), start)).tolist()
        turn = {leg: at for at, leg in enumerate(first)}
        values = {self._total.name: float(self.legs.makespan(start) // self.unit)}
        values |= {variable.name: float(start[leg] // self.unit) for leg, variable in enumerate(self._start)}
        values |= {variable.name: float(turn[i] < turn[j]) for (i, j), variable in self._before.items()}
        values |= {
            variable.name: float(end[i] <= start[j] and turn[i] < turn[j]) for (i, j), variable in self._ended.items()
        }
        for uses in self._uses:
            dealt = _dealt([leg for leg in first if (leg, 0) in uses], start, end)
            values |= {variable.name: float(dealt[leg] == slot) for (leg, slot), variable in uses.items()}
        return values

    def decode(self, values: Mapping[str, float]) -> Integers:
        """Return the earliest starts, in whole milliseconds, under the orders of a solution.

        Raises
        ------
        ValueError
            If the orders go round in a circle.
        """
        ended = {pair for pair, variable in self._ended.items() if values.get(variable.name, 0.0) > 0.5}
        before = {pair for pair in self._pairs_both_ways() if self._comes_first(pair, values)}
        start: Integers = np.zeros(len(self.legs), dtype=np.int64)
        for _ in range(len(self.legs) + 1):
            grown = start.copy()
            for i, j in before:
                grown[j] = max(grown[j], grown[i])
            for i, j in (*ended, *self.legs.after):
                grown[j] = max(grown[j], grown[i] + int(self.legs.duration[i]))
            for i, j in self.legs.following:
                grown[j] = max(grown[j], grown[i])
            if bool((grown == start).all()):
                return start
            start = grown
        raise ValueError("the orders of the solution go round in a circle")

    # -- variables -------------------------------------------------------------------------------

    def _latest(self, leg: int) -> int:
        return self._most - self._tail[leg] - self._duration[leg]

    def _name_orders(self) -> None:
        """Make the orders of the pairs that share a row: one binary for who starts first, two for who has ended."""
        self._claims = [{claim.row: claim for claim in leg.claims} for leg in self.legs.legs]
        self._releases = [{release.row: release.amount for release in leg.releases} for leg in self.legs.legs]
        touched = [set(claims) | set(releases) for claims, releases in zip(self._claims, self._releases, strict=True)]
        self._pairs = [
            (i, j)
            for i, j in combinations(range(len(self.legs)), 2)
            if any(row in self._claims[i] or row in self._claims[j] for row in touched[i] & touched[j])
        ]
        self._before: dict[tuple[int, int], pulp.LpVariable] = {}
        self._ended: dict[tuple[int, int], pulp.LpVariable] = {}
        for i, j in self._pairs:
            self._before[i, j] = self._program.binary(f"before_{i}_{j}")
            self._ended[i, j] = self._program.binary(f"ended_{i}_{j}")
            self._ended[j, i] = self._program.binary(f"ended_{j}_{i}")

    def _pairs_both_ways(self) -> Iterator[tuple[int, int]]:
        for i, j in self._pairs:
            yield i, j
            yield j, i

    def _comes_first(self, pair: tuple[int, int], values: Mapping[str, float]) -> bool:
        i, j = pair
        if pair in self._before:
            return values.get(self._before[pair].name, 0.0) > 0.5
        return values.get(self._before[j, i].name, 0.0) <= 0.5

    def _first(self, i: int, j: int) -> Expression:
        """Return whether leg i starts before leg j."""
        if (i, j) in self._before:
            return Expression({self._before[i, j]: 1.0})
        return Expression({self._before[j, i]: -1.0}, 1.0)

    # -- constraints -----------------------------------------------------------------------------

    def _end_in_time(self) -> None:
        """Require that every leg ends, with what must follow it, within the makespan."""
        for leg, start in enumerate(self._start):
            rest = float(self._duration[leg] + self._tail[leg])
            self._program.at_most(Expression({start: 1.0, self._total: -1.0}), -rest, f"end_in_time_{leg}")

    def _order_starts(self) -> None:
        """Require that whoever comes first starts no later, without circles."""
        for i, j in self._pairs_both_ways():
            slack = self._latest(i) - self._head[j]
            if slack > 0:
                gap = Expression({self._start[i]: 1.0, self._start[j]: -1.0}, -float(slack))
                self._program.at_most(gap.plus(self._first(i, j), float(slack)), 0.0, f"starts_{i}_before_{j}")
        known = set(self._pairs)
        for i, j, k in combinations(range(len(self.legs)), 3):
            if {(i, j), (j, k), (i, k)} <= known:
                circle = self._first(i, j).plus(self._first(j, k)).plus(self._first(k, i))
                self._program.at_most(circle, 2.0, f"no_circle_{i}_{j}_{k}")
                circle = self._first(j, i).plus(self._first(k, j)).plus(self._first(i, k))
                self._program.at_most(circle, 2.0, f"no_circle_{k}_{j}_{i}")

    def _wait_for_ends(self) -> None:
        """Require that whoever counts a leg as ended starts after its end."""
        for (i, j), ended in self._ended.items():
            slack = self._latest(i) + self._duration[i] - self._head[j]
            gap = Expression({self._start[i]: 1.0, self._start[j]: -1.0, ended: float(slack)})
            if slack > 0:
                self._program.at_most(gap, float(slack - self._duration[i]), f"ends_{i}_before_{j}")
            self._program.at_most(Expression({ended: 1.0}).plus(self._first(i, j), -1.0), 0.0, f"ended_{i}_first_{j}")

    def _keep_given_order(self) -> None:
        """Require the orders that the legs come with."""
        for i, j in self.legs.after:
            gap = Expression({self._start[i]: 1.0, self._start[j]: -1.0})
            self._program.at_most(gap, -float(self._duration[i]), f"after_{i}_{j}")
        for i, j in self.legs.following:
            self._program.at_most(Expression({self._start[i]: 1.0, self._start[j]: -1.0}), 0.0, f"following_{i}_{j}")
            if (i, j) in self._before:
                self._program.equal(Expression({self._before[i, j]: 1.0}), 1.0, f"following_{i}_first_{j}")

    def _keep_rows(self) -> None:
        """Require that every claim fits when it is made."""
        first, users = self.legs.users
        for leg, claims in enumerate(self._claims):
            for row, claim in claims.items():
                load = Expression({}, float(self.legs.rows[row].load + claim.amount))
                for other in users[first[row] : first[row + 1]].tolist():
                    if other == leg:
                        continue
                    if row in self._claims[other]:
                        load.plus(self._first(other, leg), float(self._claims[other][row].amount))
                    if row in self._releases[other]:
                        load.plus(Expression({self._ended[other, leg]: 1.0}), -float(self._releases[other][row]))
                name = f"{self.legs.rows[row].name}_when_{leg}_starts"
                self._program.at_most(load, float(claim.limit), name)

    def _share_slots(self) -> None:
        """Require that the legs of a row of slots are dealt to the slots, and that no slot is busy for longer."""
        self._uses: list[dict[tuple[int, int], pulp.LpVariable]] = []
        first, users = self.legs.users
        for row in np.flatnonzero(self.legs.slots).tolist():
            members = users[first[row] : first[row + 1]].tolist()
            slots = self.legs.rows[row].limit - self.legs.rows[row].load
            if len(members) > slots >= 1:
                self._deal(self.legs.rows[row].name, members, slots)

    def _deal(self, name: str, members: list[int], slots: int) -> None:
        """Deal the members to slots; the first ones in order, so that equal slots are not told apart in vain."""
        uses = {
            (leg, slot): self._program.binary(f"{name}_{leg}_in_{slot}")
            for at, leg in enumerate(members)
            for slot in range(min(slots, at + 1))
        }
        self._uses.append(uses)
        for leg in members:
            chosen = [uses[leg, slot] for slot in range(slots) if (leg, slot) in uses]
            self._program.equal(Expression.total(chosen), 1.0, f"{name}_slot_of_{leg}")
        for slot in range(slots):
            work = Expression({uses[leg, slot]: float(self._duration[leg]) for leg in members if (leg, slot) in uses})
            self._program.at_most(work.add(self._total, -1.0), 0.0, f"{name}_work_in_{slot}")
            for i, j in combinations(members, 2):
                if (i, slot) in uses and (j, slot) in uses:
                    apart = Expression({self._ended[i, j]: -1.0, self._ended[j, i]: -1.0})
                    apart.add(uses[i, slot]).add(uses[j, slot])
                    self._program.at_most(apart, 1.0, f"{name}_{i}_and_{j}_in_{slot}")


def _dealt(members: list[int], start: Integers, end: Integers) -> dict[int, int]:
    """Deal legs to slots in the order of their starts; the slots are numbered by their first leg."""
    slots: list[list[int]] = []
    for leg in members:
        free = next((slot for slot in slots if end[slot[-1]] <= start[leg]), None)
        if free is None:
            slots.append([leg])
        else:
            free.append(leg)
    return {leg: number for number, slot in enumerate(sorted(slots, key=min)) for leg in slot}
