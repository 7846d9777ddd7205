"""The judge as a whole: it agrees with a plain reading, and no fault slips through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from formulations import VM, Bounds, Host, InputError, Instance, Placement, Resource, UnsupportedError
from formulations.objective import level
from formulations.rules import Ignore, Spread
from solver.verifying import Fault, holds, least_allocation, level_values, verify
from solver.verifying.verdict import MOST_LISTED
from tests.oracle import Oracle
from tests.strategies import MODES, RULES, TERMS, everything, random_placement

Generator = np.random.Generator
Mutation = Callable[[Generator, Instance, Placement], Placement | None]


def drawn(seeds: range, **knobs: Any) -> Iterator[tuple[Generator, Instance, Oracle]]:
    """Yield random instances with every feature, each with its oracle."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        instance = everything(rng, **knobs)
        yield rng, instance, Oracle(instance)


# -- agreement with the plain reading ----------------------------------------------------


def assert_same_verdict(instance: Instance, oracle: Oracle, placement: Placement) -> bool:
    """Assert that judge and oracle agree on a placement; return whether it is accepted."""
    verdict = verify(instance, placement)
    assert verdict.ok == oracle.accepts(placement), verdict.violations
    assert verdict.ok == holds(instance, placement)
    return verdict.ok


def assert_random_placements_agree(rng: Generator, instance: Instance, oracle: Oracle) -> int:
    """Compare random placements, without and with allocation; return how many were accepted."""
    accepted = 0
    for partial in (False, True, False, True):
        bare = random_placement(rng, instance, partial=partial)
        accepted += assert_same_verdict(instance, oracle, bare)
        least = least_allocation(instance, bare.host_of)
        filled = bare.with_allocation(least)
        assert assert_same_verdict(instance, oracle, filled) == verify(instance, bare).ok
        shaken = bare.with_allocation(least + rng.integers(0, 2, least.shape) * (bare.host_of >= 0)[:, None])
        accepted += assert_same_verdict(instance, oracle, shaken)
        for placement in (filled, shaken):
            assert placement.allocation is not None
            expected = oracle.values(placement.host_of.tolist(), placement.allocation.tolist())
            assert level_values(instance, placement) == expected
            assert verify(instance, placement).values == expected
    return accepted


@pytest.mark.parametrize("kind", RULES)
def test_judge_agrees_with_oracle(kind: str) -> None:
    """Judge and brute force must accept the same placements and find the same values."""
    accepted = sum(assert_random_placements_agree(*case) for case in drawn(range(5), rules=[kind]))
    assert accepted > 0


CELLS: dict[str, Any] = {"numa": True, "elastic": True, "rules": [], "hosts": 2, "isolation": MODES}


def test_judge_agrees_with_oracle_on_cells() -> None:
    """All isolation levels mixed on hosts with NUMA cells, where the conditions interlock most."""
    assert sum(assert_random_placements_agree(*case) for case in drawn(range(8), **CELLS, load=0.4)) > 0


@pytest.mark.campaign
def test_judge_agrees_with_oracle_on_cells_campaign() -> None:
    """The same on 400 instances."""
    cases = drawn(range(30_000, 30_400), **CELLS, load=0.4)
    assert sum(assert_random_placements_agree(*case) for case in cases) > 50


@pytest.mark.campaign
@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("kind", RULES)
def test_judge_agrees_with_oracle_campaign(kind: str, hard: bool) -> None:
    """The same on 300 instances for every rule, hard and soft."""
    cases = drawn(range(10_000, 10_300), rules=[kind], hard=hard, vms=5)
    assert sum(assert_random_placements_agree(*case) for case in cases) > 50


# -- single faults -----------------------------------------------------------------------


def _pick(rng: Generator, found: np.ndarray[Any, Any]) -> int | None:
    return int(rng.choice(found)) if len(found) else None


def move_somewhere(rng: Generator, instance: Instance, answer: Placement) -> Placement | None:
    """Put a VM on another host."""
    vm = _pick(rng, np.flatnonzero(answer.placed))
    if vm is None or instance.host_count < 2:
        return None
    host_of = answer.host_of.copy()
    host_of[vm] = (host_of[vm] + rng.integers(1, instance.host_count)) % instance.host_count
    return replace(answer, host_of=host_of)


def drop(rng: Generator, _: Instance, answer: Placement) -> Placement | None:
    """Take a VM's host away, and what it gets there."""
    vm = _pick(rng, np.flatnonzero(answer.placed))
    if vm is None or answer.allocation is None or answer.cells is None:
        return None
    host_of, allocation, cells = answer.host_of.copy(), answer.allocation.copy(), answer.cells.copy()
    host_of[vm], allocation[vm], cells[vm] = -1, 0, 0
    return Placement(host_of, allocation, cells)


def shift_allocation(rng: Generator, _: Instance, answer: Placement) -> Placement | None:
    """Give a VM one quantum more or less, or many more."""
    vm = _pick(rng, np.flatnonzero(answer.placed))
    if vm is None or answer.allocation is None:
        return None
    allocation = answer.allocation.copy()
    allocation[vm, rng.integers(allocation.shape[1])] += rng.choice([-1, 1, 10_000])
    return answer.with_allocation(allocation)


def flip_cell(rng: Generator, _: Instance, answer: Placement) -> Placement | None:
    """Add or take away a cell of some VM."""
    assert answer.cells is not None
    cells = answer.cells.copy()
    cells[rng.integers(len(cells))] ^= 1 << int(rng.integers(3))
    return answer.with_cells(cells)


def swap_cells(rng: Generator, _: Instance, answer: Placement) -> Placement | None:
    """Move a VM to the other cell."""
    assert answer.cells is not None
    vm = _pick(rng, np.flatnonzero((answer.cells == 1) | (answer.cells == 2)))
    if vm is None:
        return None
    cells = answer.cells.copy()
    cells[vm] = 3 - cells[vm]
    return answer.with_cells(cells)


def wake(rng: Generator, instance: Instance, answer: Placement) -> Placement | None:
    """Give a VM that is not wanted a host."""
    vm = _pick(rng, np.flatnonzero(~instance.wanted))
    if vm is None:
        return None
    host_of = answer.host_of.copy()
    host_of[vm] = rng.integers(instance.host_count)
    return replace(answer, host_of=host_of)


MUTATIONS: tuple[Mutation, ...] = (move_somewhere, drop, shift_allocation, flip_cell, swap_cells, wake)


def assert_mutations_are_judged_right(rng: Generator, instance: Instance, oracle: Oracle) -> tuple[int, int]:
    """Break an optimal answer in every way; return how many mutants there were and how many were rejected."""
    best = oracle.best()
    if best is None:
        return 0, 0
    verdict = verify(instance, best.placement)
    assert verdict.ok, verdict.violations
    assert verdict.values == best.values
    mutants = [mutate(rng, instance, best.placement) for mutate in MUTATIONS for _ in range(3)]
    seen = [assert_same_verdict(instance, oracle, mutant) for mutant in mutants if mutant is not None]
    return len(seen), seen.count(False)


@pytest.mark.parametrize("kind", RULES)
def test_single_faults(kind: str) -> None:
    """Every single-fault mutant of an optimal answer is rejected, unless brute force shows it valid."""
    counts = [assert_mutations_are_judged_right(*case) for case in drawn(range(8), rules=[kind], hard=True, load=0.5)]
    assert sum(rejected for _, rejected in counts) > 0.3 * sum(made for made, _ in counts) > 0


@pytest.mark.campaign
@pytest.mark.parametrize("kind", RULES)
def test_single_faults_campaign(kind: str) -> None:
    """The same on 300 instances per rule."""
    cases = drawn(range(20_000, 20_300), rules=[kind], hard=True, load=0.5)
    counts = [assert_mutations_are_judged_right(*case) for case in cases]
    assert sum(rejected for _, rejected in counts) > 0.3 * sum(made for made, _ in counts) > 0


def assert_broken_rule_is_named(rng: Generator, instance: Instance, oracle: Oracle) -> int:
    """Break the hard rules by random placements; return how often one was."""
    broken = 0
    for _ in range(5):
        placement = random_placement(rng, instance)
        named = {
            violation.subjects[0]
            for violation in verify(instance, placement).violations
            if violation.kind is Fault.RULE
        }
        host_of = placement.host_of.tolist()
        expected = {str(rule) for rule in instance.rules if rule.hard and oracle.amount(rule, host_of)}
        assert named == expected - {str(rule) for rule in instance.rules if isinstance(rule, Ignore)}
        broken += len(expected)
    return broken


@pytest.mark.parametrize("kind", RULES)
def test_every_broken_hard_rule_is_a_violation(kind: str) -> None:
    """The verdict names the hard rules that are broken, all of them and no other."""
    assert sum(assert_broken_rule_is_named(*case) for case in drawn(range(10), rules=[kind, "spread"], hard=True)) > 0


# -- certain faults, made by hand --------------------------------------------------------


def shop(**changes: Any) -> Instance:
    """Return two VMs of 3 GB, one of 2 GB and one that is off, on two hosts of 6."""
    fields: dict[str, Any] = {
        "resources": [Resource(name="memory", unit="GB")],
        "vms": [
            VM(name="web", count=2, resources={"memory": 3}),
            VM(name="db", resources={"memory": 2}, host="h2"),
            VM(name="off", resources={"memory": 1}, power="off"),
        ],
        "hosts": [Host(name="h1", capacity={"memory": 6}), Host(name="h2", capacity={"memory": 6})],
    }
    return Instance(**{**fields, **changes})


GOOD = Placement(np.array([0, 0, 1, -1]), np.array([[3], [3], [2], [0]]))


def kinds(instance: Instance, placement: Placement) -> list[StrEnum]:
    """Return the kinds of what is violated."""
    return [violation.kind for violation in verify(instance, placement).violations]


def test_valid_placement_passes_with_its_values() -> None:
    """The verdict of a valid placement carries the default objective: hosts, migration, imbalance."""
    verdict = verify(shop(), GOOD)
    assert verdict.ok
    assert verdict.values == (Fraction(2), Fraction(0), Fraction(1) - Fraction(8, 12))


@pytest.mark.parametrize(
    ("placement", "fault", "message"),
    [
        (Placement(np.array([0, 0, 0, -1])), Fault.CAPACITY, "memory of h1: 8 GB needed of 6 GB"),
        (
            Placement(np.array([0, 0, 0, -1]), np.array([[3], [3], [2], [0]])),
            Fault.CAPACITY,
            "memory of h1: 8 GB allocated of 6 GB",
        ),
        (Placement(np.array([0, -1, 1, -1])), Fault.NO_HOST, "web-2 has no host"),
        (
            Placement(np.array([0, 0, 1, 1])),
            Fault.NOT_WANTED,
            "off is off, or ignored without a current host, but is on h2",
        ),
        (
            Placement(np.array([0, 0, 1, -1]), np.array([[3], [2], [2], [0]])),
            Fault.FLOOR,
            "memory of web-2: 2 GB allocated, floor 3 GB",
        ),
        (
            Placement(np.array([0, 0, 1, -1]), np.array([[3], [3], [3], [0]])),
            Fault.LIMIT,
            "memory of db: 3 GB allocated, limit 2 GB",
        ),
        (
            Placement(np.array([0, 0, 1, -1]), np.array([[3], [3], [2], [1]])),
            Fault.LIMIT,
            "off has no host but an allocation",
        ),
        (
            Placement(np.array([0, 0, 1, -1]), cells=np.array([0, 1, 0, 0])),
            Fault.CELLS,
            "web-2: cell 0 of h1, which has none",
        ),
        (
            Placement(np.array([0, 0, 1, -1]), cells=np.array([0, 0, 0, 5])),
            Fault.CELLS,
            "off has no host but cells 0, 2",
        ),
    ],
)
def test_each_fault_has_its_sentence(placement: Placement, fault: Fault, message: str) -> None:
    """One fault gives one violation, in words that a person can act on."""
    violations = verify(shop(), placement).violations
    assert [(violation.kind, str(violation)) for violation in violations] == [(fault, message)]
    assert violations[0].amount > 0
    assert not holds(shop(), placement)


def test_amounts_carry_units() -> None:
    """A program that reads the verdict gets the shortage as a figure."""
    violation = verify(shop(), Placement(np.array([0, 0, 0, -1]))).violations[0]
    assert violation.subjects == ("h1", "memory")
    assert violation.amount == 2
    assert violation.unit == "GB"


def test_maintenance_takes_nobody_but_ignored_vms() -> None:
    """A host in maintenance may keep what is ignored there, and nothing else."""
    hosts = [Host(name="h1", capacity={"memory": 6}), Host(name="h2", capacity={"memory": 6}, state="maintenance")]
    assert [str(v) for v in verify(shop(hosts=hosts), GOOD).violations] == ["db is on h2, which is in maintenance"]
    assert verify(shop(hosts=hosts, rules=[Ignore(vms=["db"])]), GOOD).ok


def test_ignored_vm_stays() -> None:
    """An ignored VM that moves, or vanishes, is a violation even where VMs may be left out."""
    instance = shop(rules=[Ignore(vms=["db"])], allow_unplaced=True)
    moved, gone = Placement(np.array([1, 1, 0, -1])), Placement(np.array([0, 0, -1, -1]))
    assert [str(v) for v in verify(instance, moved).violations] == ["db is ignored and runs on h2, but is put on h1"]
    assert kinds(instance, gone) == [Fault.IGNORED]


def test_unplaced_vms_are_allowed_on_request() -> None:
    """With ``allow_unplaced`` nothing is wrong with a VM without a host."""
    nobody = Placement(np.full(4, -1))
    assert kinds(shop(), nobody) == [Fault.NO_HOST] * 3
    assert verify(shop(allow_unplaced=True), nobody).ok


@pytest.mark.parametrize(
    "placement",
    [
        Placement(np.array([0, 0, 1])),
        Placement(np.array([[0, 0, 1, -1]])),
        Placement(np.array([0, 0, 1, 2])),
        Placement(np.array([0, 0, 1, -2])),
        Placement(np.array([0.0, 0.0, 1.0, -1.0])),
        Placement(np.array([0, 0, 1, np.nan])),
        Placement(np.array(["h1", "h1", "h2", ""])),
        Placement(np.array([0, 0, 2**64 - 1, 0], dtype=np.uint64)),
        Placement(None),  # type: ignore[arg-type]
        Placement([[0], [0, 1]]),  # type: ignore[arg-type]
        Placement(np.array([0, 0, 1, None])),
        Placement(GOOD.host_of, np.array([3, 3, 2, 0])),
        Placement(GOOD.host_of, np.array([[3, 0]] * 4)),
        Placement(GOOD.host_of, np.array([[3.0], [3.0], [2.0], [0.0]])),
        Placement(GOOD.host_of, GOOD.allocation, np.array([0, 0])),
        Placement(GOOD.host_of, GOOD.allocation, np.zeros((4, 1), dtype=np.int64)),
    ],
)
def test_malformed_arrays_are_violations(placement: Placement) -> None:
    """Nonsense must be answered, never raise and never pass."""
    verdict = verify(shop(), placement)
    assert {violation.kind for violation in verdict.violations} == {Fault.ARRAYS}
    assert verdict.values is None
    assert not holds(shop(), placement)


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**62, -1])
def test_extreme_figures_are_violations(number: int) -> None:
    """Integers at the ends of their range must not wrap around into something valid."""
    allocation = np.array([[number], [number], [2], [0]])
    assert {Fault.FLOOR, Fault.LIMIT} & set(kinds(shop(), Placement(GOOD.host_of, allocation)))
    cells = np.array([number, 0, 0, 0])
    assert Fault.CELLS in kinds(shop(), Placement(GOOD.host_of, GOOD.allocation, cells))


def test_sums_beyond_64_bits_do_not_wrap() -> None:
    """4096 VMs of 2**52 fill 2**64, which is 0 in 64 bits: they must not fit."""
    instance = shop(
        vms=[VM(name="big", count=4096, resources={"memory": 10**9}), VM(name="odd", resources={"memory": 1e-6})],
        hosts=[Host(name="h1", capacity={"memory": 10**9})],
        objective=[level("hosts")],
    )
    verdict = verify(instance, Placement(np.zeros(4097, dtype=np.int64)))
    assert [violation.kind for violation in verdict.violations] == [Fault.CAPACITY]
    assert verdict.violations[0].amount == 4095 * 10**9 + Fraction(1, 10**6)


def test_smaller_integer_types_are_welcome() -> None:
    """Anybody's arrays may be of 32 bits."""
    assert verify(shop(), Placement(GOOD.host_of.astype(np.int32), np.array([[3], [3], [2], [0]], dtype=np.uint8))).ok


def test_many_violations_are_counted() -> None:
    """A wholly wrong placement of many VMs gives a verdict that can still be read."""
    instance = shop(vms=[VM(name="web", count=5000, resources={"memory": 0})])
    violations = verify(instance, Placement(np.full(5000, -1))).violations
    assert len(violations) == MOST_LISTED + 1
    assert str(violations[-1]) == f"no host: {5000 - MOST_LISTED:,} more of the kind"


def test_undefined_objective_is_refused() -> None:
    """Imbalance over hosts without number has no value: that is said, not guessed."""
    hosts = [Host(name="h", capacity={"memory": 6}, count="unlimited")]
    with pytest.raises(UnsupportedError, match="imbalance"):
        verify(
            shop(hosts=hosts, objective=[level("imbalance")], vms=[VM(name="a", resources={})]),
            Placement(np.array([0])),
        )


def test_unmet_demand_needs_an_allocation() -> None:
    """Without an allocation the rest is judged, and the objective is left open."""
    elastic = VM(name="a", resources={"memory": Bounds(reservation=1, limit=3)})
    instance = shop(vms=[elastic], objective=[level("unmet_demand")])
    verdict = verify(instance, Placement(np.array([0])))
    assert verdict.ok
    assert verdict.values is None
    with pytest.raises(InputError, match="allocation"):
        level_values(instance, Placement(np.array([0])))


def test_unmet_demand_of_rigid_vms_needs_none() -> None:
    """Where demand is reserved nothing is open: placed VMs lack nothing, the others everything."""
    instance = shop(objective=[level("unmet_demand")], allow_unplaced=True)
    assert verify(instance, Placement(np.array([0, 0, 1, -1]))).values == (Fraction(0),)
    assert verify(instance, Placement(np.array([0, -1, -1, -1]))).values == (Fraction(2),)


# -- order does not matter ---------------------------------------------------------------


def assert_order_does_not_matter(rng: Generator, instance: Instance) -> None:
    """Turn the hosts' and the VMs' order round: verdict and values stay the same."""
    placement = random_placement(rng, instance)
    placement = placement.with_allocation(least_allocation(instance, placement.host_of))
    hosts = np.concatenate([instance.host_names.members(e) for e in reversed(range(len(instance.hosts)))])
    vms = np.concatenate([instance.vm_names.members(e) for e in reversed(range(len(instance.vms)))])
    number = np.full(instance.host_count + 1, -1)
    number[hosts] = np.arange(len(hosts))
    other = instance.replace(hosts=instance.hosts[::-1], vms=instance.vms[::-1])
    assert placement.allocation is not None
    assert placement.cells is not None
    turned = Placement(number[placement.host_of][vms], placement.allocation[vms], placement.cells[vms])
    before, after = verify(instance, placement), verify(other, turned)
    assert before.values == after.values
    key = [sorted((v.kind, v.amount) for v in verdict.violations) for verdict in (before, after)]
    assert key[0] == key[1]


def test_order_does_not_matter() -> None:
    """Renumbering hosts and VMs changes no verdict and no value."""
    for rng, instance, _ in drawn(range(40), terms=TERMS, energy=True, unlimited=False):
        assert_order_does_not_matter(rng, instance)


# -- size --------------------------------------------------------------------------------


@pytest.mark.campaign
def test_a_million_vms_are_judged_in_seconds() -> None:
    """The judge stands behind every answer, so it must keep up with the largest."""
    vms, hosts = 1_000_000, 60_000
    instance = Instance(
        resources=[Resource(name="cpu"), Resource(name="memory")],
        vms=[VM(name=f"f{k}", count=vms // 20, resources={"cpu": k % 4 + 1, "memory": k % 7 + 1}) for k in range(20)],
        hosts=[Host(name="h", count=hosts, capacity={"cpu": 64, "memory": 128})],
        rules=[Spread(vms=["f1-1", "f2-2", "f3-3"])],
    )
    host_of = np.random.default_rng(1).permutation(np.arange(vms) % hosts)
    host_of[instance.vms_called(["f1-1", "f2-2", "f3-3"])] = [0, 1, 2]
    placement = Placement(host_of, instance.tables.demand[instance.vm_entry])
    begun = time.monotonic()
    assert verify(instance, placement).ok
    assert time.monotonic() - begun < 10


def test_transient_resources_are_held_at_both_ends() -> None:
    """Two VMs that swap full hosts fit in the end and not on the way: only a third host with room may take one."""
    vms = [VM(name=name, resources={"disk": size}, host=host) for name, size, host in (("a", 6, "h1"), ("b", 5, "h2"))]
    hosts = [
        Host(name="h1", capacity={"disk": 8}),
        Host(name="h2", capacity={"disk": 8}),
        Host(name="h3", capacity={"disk": 6}),
    ]
    instance = Instance(resources=[Resource(name="disk", unit="GB", transient=True)], vms=vms, hosts=hosts)
    swapped = verify(instance, Placement.from_names(instance, {"a": "h2", "b": "h1"}))
    assert [str(found) for found in swapped.violations] == [
        "disk of h1: 11 GB needed while VMs move, of 8 GB",
        "disk of h2: 11 GB needed while VMs move, of 8 GB",
    ]
    assert {found.kind for found in swapped.violations} == {Fault.TRANSIT}
    assert verify(instance, Placement.from_names(instance, {"a": "h3", "b": "h2"})).ok
    assert not verify(instance, Placement.from_names(instance, {"a": "h3", "b": "h1"})).ok
