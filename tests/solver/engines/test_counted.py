"""Are counted instances proved through place(), named as they should be, and is only said what holds for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from formulations import VM, Host, Instance
from formulations.counting import Counting
from formulations.objective import level
from formulations.placement import Placement
from formulations.rules import Spread
from formulations.tables import Integers
from formulations.vector_packing import Packing
from solver.backends import backend_named
from solver.backends.base import Backend, Settings
from solver.deadline import Deadline
from solver.engines import counted as engine
from solver.engines.counted import CountedSearch, counted
from solver.engines.packing_search import PackingSearch
from solver.engines.search import Search
from solver.errors import BackendError
from solver.placing import place
from solver.result import Incumbent, Status
from solver.verifying import verify
from tests.generate import RESOURCES, cloud

CBC = backend_named("cbc")

Packer = Callable[[PackingSearch], None]


def small(**changes: object) -> Instance:
    """Return six VMs of two flavours for hosts that hold a pair, or three small ones."""
    vms = [VM(name="a", count=3, resources={"cpu": 3}), VM(name="b", count=3, resources={"cpu": 2})]
    stated = {
        "resources": RESOURCES[:1],
        "vms": vms,
        "hosts": [Host(name="h", count=6, capacity={"cpu": 6})],
        "objective": [level("hosts")],
    }
    return Instance(**{**stated, **changes})  # type: ignore[arg-type]


def counting_search(instance: Instance) -> tuple[Search, CountedSearch]:
    """Return a search that knows nothing yet, and the counted one that tells it."""
    search = Search(instance, Deadline(60), CBC, Settings())
    question = counted(search)
    assert question is not None
    return search, CountedSearch(search, question)


def packs_by(monkeypatch: pytest.MonkeyPatch, packer: Packer) -> None:
    """Let this pack, in place of the engines."""

    def instead(inner: PackingSearch, _backend: Backend, **_limits: object) -> None:
        packer(inner)

    monkeypatch.setattr(engine, "pack", instead)


def packing(*bins: tuple[list[int], int]) -> Packing:
    return Packing.of([(0, np.array(pattern), times) for pattern, times in bins], len(bins[0][0]))


# -- through place() ------------------------------------------------------------------------------


@pytest.mark.parametrize(("vms", "seed"), [(100, 0), (1_000, 1), (10_000, 2)])
def test_clouds_are_proved(vms: int, seed: int) -> None:
    """The main promise for identical VMs: value, bound, and who found and proved them, whatever their number."""
    found = list[Incumbent]()
    result = place(cloud(vms, seed=seed), seconds=60, progress=found.append)
    assert result.status is Status.OPTIMAL
    assert result.placement is not None
    assert verify(result.instance, result.placement).ok
    assert result.objective == result.bound == len(result.placement.hosts_used)
    assert all(line.found_by for line in result.trace)
    assert result.trace[-1].values == (result.objective,)
    assert list(result.trace) == found
    assert result.levels[0].proved_by not in ("", "no term is negative")
    assert result.warnings == ()


def test_counting_is_what_proves_a_cloud() -> None:
    """Without counting this takes a MILP solver for ever: who proved it must be in the result."""
    result = place(cloud(400, flavours=40, seed=5), seconds=60)
    assert result.status is Status.OPTIMAL
    assert result.levels[0].proved_by.startswith(("column generation", "volume", "host-mix"))


def with_current(instance: Instance, host_of: Integers, new: int = 0) -> Instance:
    """Return the instance with every VM on its host, but those of the first so many flavours."""
    names = instance.host_names.names_of(host_of)
    vms = [
        VM(name=vm.name, count=vm.count, resources=vm.resources, host=names[begin : begin + vm.count])
        for vm, begin in zip(instance.vms, instance.vm_names.offsets.tolist(), strict=False)
    ]
    return instance.replace(vms=[*instance.vms[:new], *vms[new:]])


def thousand() -> tuple[Instance, Placement]:
    """Return 1,000 VMs and an optimal placement of them on hosts in no order."""
    plain = cloud(1_000, flavours=12, seed=3).replace(
        hosts=[Host(name="host", count=400, capacity={"cpu": 64, "memory": 256})]
    )
    result = place(plain, seconds=60)
    assert result.status is Status.OPTIMAL
    assert result.placement is not None
    mixed = np.random.default_rng(0).permutation(400)[result.placement.host_of]
    return plain, Placement(mixed)


def test_vms_stay_where_they_are_where_that_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand VMs that lie well already, and a packing that says how: nobody moves, newcomers fill the gaps."""
    plain, placement = thousand()
    everyone = with_current(plain, placement.host_of)
    result = place(everyone, seconds=60)
    assert result.status is Status.OPTIMAL
    assert result.placement is not None
    np.testing.assert_array_equal(result.placement.host_of, everyone.current)

    some = with_current(plain, placement.host_of, new=2)
    known_before = some.current >= 0
    assert 0 < known_before.sum() < plain.vm_count
    search, counting = counting_search(some)
    patterns = patterns_of(counting.counting, placement)

    def known(inner: PackingSearch) -> None:
        inner.offer(patterns, "known")

    packs_by(monkeypatch, known)
    counting.run(search.deadline)
    assert search.incumbent is not None
    assert [line.found_by for line in search.trace] == ["known"]
    np.testing.assert_array_equal(search.incumbent.host_of[known_before], some.current[known_before])


def patterns_of(counting: Counting, placement: Placement) -> Packing:
    """Return a placement on hosts of one type as a packing, the last host first."""
    flavours = counting.recovery.flavour
    filled = [
        np.bincount(flavours[members], minlength=counting.problem.flavours)
        for members in placement.members_by_host().values()
    ]
    return Packing.of([(0, pattern.astype(np.int64), 1) for pattern in reversed(filled)], counting.problem.flavours)


# -- what the search is told ----------------------------------------------------------------------


def test_who_found_and_who_proved_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packings become placements under the finder's name, bounds the level's under the prover's."""
    search, counting = counting_search(small())

    def packer(inner: PackingSearch) -> None:
        inner.prove(2, "first prover")
        inner.offer(packing(([1, 0], 3), ([0, 1], 3)), "first finder")
        inner.offer(packing(([2, 0], 1), ([1, 1], 1), ([0, 2], 1)), "second finder")
        inner.prove(3, "second prover")

    packs_by(monkeypatch, packer)
    assert counting.worthwhile
    counting.run(search.deadline)
    assert search.trace[-1].found_by == "second finder"
    assert [float(value) for value in search.values or ()] == [3]
    assert search.bounds[0].value == 3
    assert search.bounds[0].proved_by == "second prover"
    assert not counting.worthwhile


@pytest.mark.parametrize("end", [KeyboardInterrupt(), BackendError("out of memory"), None])
def test_the_latest_packing_is_named_whatever_happens(
    end: BaseException | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Naming a million VMs takes long and is put off: but not beyond the end, however that comes."""
    monkeypatch.setattr(engine, "PATIENCE", 1e9)
    search, counting = counting_search(small())

    def packer(inner: PackingSearch) -> None:
        inner.prove(3, "prover")
        inner.offer(packing(([1, 0], 3), ([0, 1], 3)), "early")
        inner.offer(packing(([1, 1], 3)), "late")
        if end is not None:
            raise end

    packs_by(monkeypatch, packer)
    if isinstance(end, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            counting.run(search.deadline)
    else:
        counting.run(search.deadline)
    assert [line.found_by for line in search.trace] == ["early", "late"]
    assert search.bounds[0].value == 3
    assert search.warnings == ([str(end)] if isinstance(end, BackendError) else [])


def test_infeasibility_counts_only_where_every_vm_must_be_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No packing of all VMs is no proof where some may be left out."""

    def packer(inner: PackingSearch) -> None:
        inner.infeasible = True

    packs_by(monkeypatch, packer)
    hosts = [Host(name="h", count=2, capacity={"cpu": 6})]
    for optional in (False, True):
        search, counting = counting_search(small(hosts=hosts, allow_unplaced=optional))
        counting.run(search.deadline)
        assert search.infeasible is not optional


def test_bounds_of_all_vms_placed_wait_for_such_a_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where VMs may be left out, fewer hosts do: the bound counts once nobody is left out, and not before."""

    def packer(inner: PackingSearch) -> None:
        inner.prove(3, "prover")

    packs_by(monkeypatch, packer)
    search, counting = counting_search(small(allow_unplaced=True, objective=[level("unplaced"), level("hosts")]))
    counting.run(search.deadline)
    assert [bound.value for bound in search.bounds] == [0, 0]
    assert search.offer(Placement(np.array([0, 0, 1, 1, 2, 2])), "hand")
    counting.run(search.deadline)
    assert [bound.value for bound in search.bounds] == [0, 3]


def test_packings_that_rules_forbid_are_not_offered_as_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting does not see rules: its bound holds all the same, its packings are judged like any other."""
    ruled = small(rules=[Spread(vms=["a"])])
    search, counting = counting_search(ruled)
    assert not counting.counting.exact

    def packer(inner: PackingSearch) -> None:
        inner.prove(3, "prover")
        inner.offer(packing(([2, 0], 1), ([1, 1], 1), ([0, 2], 1)), "blind")

    packs_by(monkeypatch, packer)
    counting.run(search.deadline)
    assert search.incumbent is None
    assert search.bounds[0].value == 3
    result = place(ruled, seconds=30)
    assert result.status is Status.OPTIMAL
    assert result.placement is not None
    assert len(set(result.placement.host_of[:3].tolist())) == 3


def test_an_interrupt_returns_the_best_so_far() -> None:
    """Ctrl-C in the middle of packing is an answer, not a stack trace."""

    def interrupt(_found: Incumbent) -> None:
        raise KeyboardInterrupt

    result = place(cloud(3_000, seed=7), seconds=60, progress=interrupt)
    assert result.interrupted
    assert result.placement is not None
    assert verify(result.instance, result.placement).ok
