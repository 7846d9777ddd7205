"""Neighbourhood search: better placements only, the same for the same seed, side by side without a trace."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from formulations import VM, Bounds, Host, Instance, Partial, Placement, Resource
from formulations.objective import level
from formulations.rules import AtMostPerHost, Gather, Split, Spread
from solver.backends import backend_named
from solver.backends.base import Settings
from solver.deadline import Deadline
from solver.engines import processes
from solver.engines.greedy import place_greedily, variants
from solver.engines.neighbourhoods import NeighbourhoodSearch, ParallelSearch, workers
from solver.engines.neighbourhoods.adapting import AdaptiveWeights
from solver.engines.neighbourhoods.choosing import OPERATORS, Chooser
from solver.engines.neighbourhoods.everywhere import FOUND_BY
from solver.engines.search import Search
from solver.verifying import verify
from tests.generate import unequal_hosts


def ruled(hosts: int = 20, vms: int = 50) -> Instance:
    """Return unequal hosts with rules of several kinds, hard and soft."""
    instance = unequal_hosts(hosts, vms)
    rules = [
        Spread(vms=[f"vm{n}" for n in range(6)]),
        AtMostPerHost(vms=[f"vm{n}" for n in range(10, 30)], most=2),
        Gather(vms=["vm30", "vm31", "vm32"], price=500),
        Split(groups=[["vm33", "vm34"], ["vm35", "vm36"]]),
    ]
    return instance.replace(rules=rules, objective=[level("broken_rules"), level("cost")])


def isolated(hosts: int = 6, vms: int = 16) -> Instance:
    """Return unequal hosts and VMs with limits above their reservations, partially isolated: only sub-programs help."""
    rng = np.random.default_rng(0)
    sizes = [
        {r: Bounds(reservation=int(n), limit=int(n) + 4) for r, n in zip("cm", row, strict=True)}
        for row in rng.integers(1, 13, (vms, 2))
    ]
    return Instance(
        resources=[Resource(name="c"), Resource(name="m")],
        vms=[VM(name=f"vm{n}", resources=dict(size)) for n, size in enumerate(sizes)],
        hosts=[
            Host(name=f"host{n}", cost=int(sum(row) + rng.integers(20)), capacity={"c": int(row[0]), "m": int(row[1])})
            for n, row in enumerate(rng.choice([32, 48, 64], (hosts, 2)))
        ],
        isolation=Partial(alpha=0.4),
        objective=[level("cost")],
    )


def begun(instance: Instance, seconds: float = 60.0, *, threads: int = 1, seed: int = 1) -> Search:
    """Return a search with the greedy incumbent."""
    search = Search(instance, Deadline(seconds), backend_named("cbc"), Settings(seed=seed, threads=threads))
    for variant in variants(instance):
        found = place_greedily(instance, variant, search.candidates, search.judges, search.deadline)
        if search.offer(found, str(variant)):
            break
    assert search.values is not None
    return search


@pytest.mark.parametrize("instance", [ruled(), isolated()], ids=["rules", "isolation"])
def test_every_operator_gives_hosts_to_free(instance: Instance) -> None:
    """Whatever the choice, hosts are usable, not too many, and from the turf; each operator has its turn."""
    search = begun(instance)
    assert search.incumbent is not None
    turf = np.arange(instance.host_count) % 2 == 0
    chooser = Chooser(search, np.random.default_rng(0), turf)
    assert set(chooser.operators) == set(OPERATORS) - (set() if instance.rules else {"ruled"})
    for operator in chooser.operators:
        hosts = chooser.choose(search.incumbent, operator, 3, most_pairs=200)
        assert turf[hosts].all()
        assert len(np.intersect1d(hosts, search.incumbent.hosts_used)) in {1, 2, 3}
        chooser.rewarded(hosts, 1.0)


def test_weights_follow_gain_per_effort() -> None:
    """The operator that gains comes up more often, at little effort more often still; no operator dies."""
    weights = AdaptiveWeights(dict.fromkeys("abc", 1.0), np.random.default_rng(0))
    for _ in range(60):
        weights.learn("a", 1.0, 0.5)
        weights.learn("b", 1.0, 1.0)
        weights.learn("c", 0.0, 1.0)
    drawn = [weights.choose() for _ in range(2000)]
    assert drawn.count("a") > 1.5 * drawn.count("b") > drawn.count("c") > 0
    assert set(weights.weights) == {"a", "b", "c"}
    assert "a" not in {weights.choose("a") for _ in range(50)}


@pytest.mark.parametrize("instance", [ruled(12, 37), isolated(4, 10)], ids=["rules", "isolation"])
def test_same_seed_same_placements(instance: Instance) -> None:
    """Counted in steps, the clock does not matter: what a bug report needs."""
    traces = []
    for _ in range(2):
        search = begun(instance)
        NeighbourhoodSearch(search).run(search.deadline, iterations=5)
        assert search.incumbent is not None
        assert verify(instance, search.incumbent).ok
        traces.append([(line.values, line.found_by) for line in search.trace])
    assert traces[0] == traces[1]
    assert len(traces[0]) > 1


def test_refilling_is_tried_first_where_it_can() -> None:
    """Where sizes, masks and counts say all, annealing over all hosts gains most per second."""
    search = begun(unequal_hosts(40, 120))
    first = search.values
    NeighbourhoodSearch(search).run(search.deadline, iterations=4)
    assert search.values is not None
    assert first is not None
    assert search.values < first
    assert any(line.found_by == FOUND_BY for line in search.trace)


def test_unplaced_vms_find_room() -> None:
    """VMs that greed left out are put away by moving the others."""
    instance = unequal_hosts(12, 40).replace(allow_unplaced=True, objective=[level("unplaced")])
    full = begun(instance)
    assert full.incumbent is not None
    host_of = full.incumbent.host_of.copy()
    host_of[:5] = -1
    search = Search(instance, Deadline(60), backend_named("cbc"), Settings(seed=1))
    search.offer(Placement(host_of), "given")
    NeighbourhoodSearch(search).run(search.deadline, iterations=6)
    assert search.values == (Fraction(0),)


def test_changes_on_other_hosts_are_combined() -> None:
    """Two workers' improvements add up where they touch different hosts, and only there."""
    before = Placement(np.array([0, 1, 2, 3]))
    left, right = Placement(np.array([1, 1, 2, 3])), Placement(np.array([0, 1, 3, 3]))
    both = workers.combined(before, [left, right])
    assert both is not None
    np.testing.assert_array_equal(both.host_of, [1, 1, 3, 3])
    assert workers.combined(before, [left, Placement(np.array([0, 2, 2, 3]))]) is None


def test_workers_on_the_callers_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster's executor is used as it is, and what its workers find is judged here."""
    monkeypatch.setattr(workers, "SHORTEST_ROUND", 0.8)
    search = begun(ruled(), seconds=2.5)
    first = search.values
    with ThreadPoolExecutor(2) as executor:
        ParallelSearch(search, executor=executor).run(search.deadline)
        assert executor.submit(int).result() == 0
    assert search.values is not None
    assert first is not None
    assert search.values < first
    assert search.incumbent is not None
    assert verify(search.instance, search.incumbent).ok


def test_worker_processes_are_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers hold the deadline; after a Ctrl-C in the second round the best so far stays and no process does."""
    rounds: list[int] = []

    def interrupted(futures: Any, timeout: float | None = None) -> Any:
        rounds.append(len(futures))
        if len(rounds) == 2:
            raise KeyboardInterrupt
        return wait_for(futures, timeout=timeout)

    monkeypatch.setattr(workers, "wait", interrupted)
    monkeypatch.setattr(workers, "LONGEST_ROUND", 1.0)
    search = begun(ruled(40, 100), seconds=30, threads=2)
    first = search.values
    with pytest.raises(KeyboardInterrupt):
        ParallelSearch(search).run(search.deadline)
    assert not multiprocessing.active_children()
    assert search.values is not None
    assert first is not None
    assert search.values < first
    assert rounds == [2, 2]


def test_no_time_for_processes_is_no_reason_to_stop() -> None:
    """With little time left the search goes on in this process."""
    search = begun(ruled(), seconds=2, threads=2)
    began, first = time.monotonic(), search.values
    ParallelSearch(search).run(search.deadline)
    assert time.monotonic() - began < 2 + 2.5
    assert search.values is not None
    assert first is not None
    assert search.values < first


def test_broken_workers_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where processes cannot be started the search says so and goes on alone."""

    class Broken(ProcessPoolExecutor):
        def submit(self, *_: Any, **__: Any) -> Any:
            raise OSError("no more processes")

    monkeypatch.setattr(processes, "ProcessPoolExecutor", Broken)
    monkeypatch.setattr(workers, "STARTING", 0.5)
    search = begun(ruled(), seconds=2, threads=2)
    first = search.values
    ParallelSearch(search).run(search.deadline)
    assert any("no more processes" in warning for warning in search.warnings)
    assert search.values is not None
    assert first is not None
    assert search.values < first
