"""OR-Tools CP-SAT on the whole model of a re-placement question, on one worker, with the current placement as hint.

Booleans ``x_ij`` exactly one per VM; rows for capacity, transient room, services, spread and dependencies; an
integer per positive part of the objective. It reads the question's arrays and writes the host of every VM.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

cp_model: Any = importlib.import_module("ortools.sat.python.cp_model")


class Model:
    """The model; its clock starts when the question has been read."""

    def __init__(self, question: dict[str, Any]) -> None:
        self.question = question
        self.began = time.perf_counter()
        self.model = cp_model.CpModel()
        self.current: list[int] = question["current"]
        self.sizes: list[list[int]] = question["sizes"]
        self.capacity: list[list[int]] = question["capacity"]
        self.vms, self.hosts = range(len(self.sizes)), range(len(self.capacity))
        self.resources = range(len(self.capacity[0]))
        self.members: dict[int, list[int]] = {}
        for vm, service in enumerate(question["service"]):
            self.members.setdefault(service, []).append(vm)
        self.x = [[self.model.new_bool_var(f"x_{i}_{j}") for j in self.hosts] for i in self.vms]
        self.costs: list[Any] = []
        self._place_everybody()
        self._respect_capacities()
        self._keep_services_apart()
        self._meet_dependencies()
        self._pay_for_load()
        self._pay_for_balance()
        self._pay_for_moves()
        self.model.minimize(cp_model.LinearExpr.sum(self.costs))

    def _place_everybody(self) -> None:
        for i in self.vms:
            self.model.add_exactly_one(self.x[i])
            for j in self.hosts:
                self.model.add_hint(self.x[i][j], self.current[i] == j)

    def _used(self, host: int, resource: int, vms: Iterable[int] | None = None) -> Any:
        """Return what VMs take of a resource on a host."""
        chosen = [i for i in (self.vms if vms is None else vms) if self.sizes[i][resource]]
        sizes = [self.sizes[i][resource] for i in chosen]
        return cp_model.LinearExpr.weighted_sum([self.x[i][host] for i in chosen], sizes)

    def _respect_capacities(self) -> None:
        """Let what is there in the end fit; of transient resources, what comes beside all that is there at first."""
        for j in self.hosts:
            for r in self.resources:
                if not self.question["transient"][r]:
                    self.model.add(self._used(j, r) <= self.capacity[j][r])
                    continue
                held = sum(self.sizes[i][r] for i in self.vms if self.current[i] == j)
                coming = [i for i in self.vms if self.current[i] != j]
                self.model.add(self._used(j, r, coming) <= self.capacity[j][r] - held)

    def _keep_services_apart(self) -> None:
        """Let no two VMs of a service share a host, and spread it over locations."""
        location: list[int] = self.question["location"]
        for service, members in self.members.items():
            if len(members) > 1:
                for j in self.hosts:
                    self.model.add_at_most_one(self.x[i][j] for i in members)
            least = self.question["spread"][service]
            if least > 1:
                self.model.add(cp_model.LinearExpr.sum(self._present(members, location)) >= least)

    def _present(self, members: Sequence[int], part_of: Sequence[int]) -> list[Any]:
        """Return a boolean per part of the hosts that may be true only where one of the VMs is."""
        found = []
        for part in sorted(set(part_of)):
            there = self.model.new_bool_var("")
            inside = [self.x[i][j] for i in members for j in self.hosts if part_of[j] == part]
            self.model.add_bool_or([*inside, ~there])
            found.append(there)
        return found

    def _meet_dependencies(self) -> None:
        """Let every VM of a service run where one of the service is that it depends on."""
        near: list[int] = self.question["neighbourhood"]
        numbers = {part: number for number, part in enumerate(sorted(set(near)))}
        known: dict[int, list[Any]] = {}
        for service, other in self.question["dependencies"]:
            if other not in known:
                known[other] = self._present(self.members[other], near)
            for i in self.members[service]:
                for j in self.hosts:
                    self.model.add_implication(self.x[i][j], known[other][numbers[near[j]]])

    def _positive(self, expression: Any, most: int, weight: int) -> None:
        """Add the positive part of an expression to the objective."""
        part = self.model.new_int_var(0, max(0, most), "")
        self.model.add(part >= expression)
        self.costs.append(part * weight)

    def _pay_for_load(self) -> None:
        for r, weight in enumerate(self.question["load_weight"]):
            for j in self.hosts if weight else ():
                safe = self.question["safety"][j][r]
                self._positive(self._used(j, r) - safe, self.capacity[j][r] - safe, weight)

    def _pay_for_balance(self) -> None:
        for first, second, target, weight in self.question["balances"]:
            for j in self.hosts:
                short = target * (self.capacity[j][first] - self._used(j, first))
                short -= self.capacity[j][second] - self._used(j, second)
                self._positive(short, target * self.capacity[j][first], weight)

    def _pay_for_moves(self) -> None:
        question, kind, apart = self.question, self.question["host_class"], self.question["pair_cost"]
        for i, home in enumerate(self.current):
            for j in self.hosts:
                cost = question["move_weight"] * question["move_cost"][i]
                cost += question["pair_weight"] * apart[kind[home]][kind[j]]
                if j != home and cost:
                    self.costs.append(self.x[i][j] * cost)
        most = self.model.new_int_var(0, len(self.vms), "most_moved")
        for members in self.members.values():
            stay = cp_model.LinearExpr.sum([self.x[i][self.current[i]] for i in members])
            self.model.add(most >= len(members) - stay)
        self.costs.append(most * question["service_weight"])

    def answer(self, seconds: float, seed: int) -> dict[str, Any]:
        """Search in what is left of the time; return status, value, bound and hosts."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = seed
        solver.parameters.max_time_in_seconds = max(0.1, seconds - (time.perf_counter() - self.began))
        status = solver.solve(self.model)
        found = status in {cp_model.OPTIMAL, cp_model.FEASIBLE}
        return {
            "status": solver.status_name(status),
            "value": round(solver.objective_value) if found else None,
            "bound": solver.best_objective_bound,
            "seconds": time.perf_counter() - self.began,
            "hosts": [next(j for j in self.hosts if solver.boolean_value(row[j])) for row in self.x] if found else None,
        }


def main() -> None:
    """Read the arguments and the question, solve, and write the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("question", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    question = json.loads(given.question.read_text(encoding="utf-8"))
    given.output.write_text(json.dumps(Model(question).answer(given.seconds, given.seed)), encoding="utf-8")


if __name__ == "__main__":
    main()
