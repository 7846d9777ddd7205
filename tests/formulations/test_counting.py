"""Tests of counting: the counted question says what the instance says, and its answers come back with names."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from formulations import VM, Bounds, Cell, Full, Host, Instance, Partial, Placement, Protected, Resource, Term
from formulations.bounds import Size
from formulations.counting import Counting, matching
from formulations.counting.merging import merged, reduced
from formulations.errors import InputError, UnsupportedError
from formulations.objective import ObjectiveLevel, TermKind
from formulations.program import ContradictionError
from formulations.quantities import exact
from formulations.rules import AtMostOn, AtMostPerHost, Ban, Dedicated, Fence, Gather, Ignore, Pin, Rule, Split, Spread
from formulations.tables import distinct_rows
from formulations.vector_packing import Packing, VectorPacking
from solver.allocating import allocate
from solver.verifying import verify
from tests.oracle import brute_force
from tests.packing_oracle import cheapest_packing
from tests.strategies import everything, random_instance

CPU = Resource(name="cpu")
MEMORY = Resource(name="memory")


def levels(*kinds: TermKind) -> list[ObjectiveLevel]:
    """Return levels of one term each."""
    return [ObjectiveLevel(terms=[Term(kind=kind)]) for kind in kinds]


def small(**more: Any) -> Instance:
    """Return six VMs of two flavours on four hosts of two types."""
    given: dict[str, Any] = {
        "resources": [CPU],
        "vms": [VM(name="a", count=4, resources={"cpu": 3}), VM(name="b", count=2, resources={"cpu": 5})],
        "hosts": [Host(name="h", count=3, capacity={"cpu": 8}), Host(name="big", capacity={"cpu": 11})],
        "objective": levels("hosts"),
    }
    return Instance(**(given | more))


def drawn(seed: int) -> Instance:
    """Draw an instance in which most of what counting takes, and some of what it does not, occurs."""
    rng = np.random.default_rng(seed)
    some = {name: bool(rng.random() < 0.3) for name in ("ignored", "unlimited", "numa", "overcommit", "maintenance")}
    match seed % 4:
        case 0:
            return everything(rng)
        case 1:
            rules = ["pin"] if rng.random() < 0.4 else []
            modes = ["shared", "full", "pinned"]
            return random_instance(rng, rules=rules, isolation=modes, off=True, allow_unplaced=None, **some)
        case 2:
            pair = [["hosts", "cost"], ["unmet_demand", "energy"]][int(rng.integers(2))]
            return random_instance(rng, terms=pair, current=False)
        case _:
            terms = [["unplaced", "unmet_demand", "hosts", "cost", "energy"], ["cost", "hosts", "energy"], ["hosts"]]
            chosen, modes = terms[int(rng.integers(3))], ["partial", "protected", "shared"]
            elastic = bool(rng.random() < 0.3)
            return random_instance(rng, rules=[], isolation=modes, elastic=elastic, terms=chosen, overcommit=True)


def random_packing(rng: np.random.Generator, problem: VectorPacking) -> Packing | None:
    """Return a packing drawn item by item, None where it ends in a corner."""
    bins: list[tuple[int, np.ndarray[Any, Any]]] = []
    left = problem.limits.copy()
    for flavour in rng.permutation(np.repeat(np.arange(problem.flavours), problem.demand)).tolist():
        size = problem.sizes[flavour]
        roomy = [
            content for kind, content in bins if (content @ problem.sizes + size <= problem.capacities[kind]).all()
        ]
        new = [kind for kind in range(problem.types) if left[kind] and problem.fits[flavour, kind]]
        if not roomy and not new:
            return None
        if not roomy or (new and rng.random() < 0.3):
            kind = new[int(rng.integers(len(new)))]
            left[kind] -= 1
            roomy = [np.zeros(problem.flavours, dtype=np.int64)]
            bins.append((kind, roomy[0]))
        roomy[int(rng.integers(len(roomy)))][flavour] += 1
    alike = Counter((kind, tuple(content.tolist())) for kind, content in bins)
    listed = [(kind, np.array(content, dtype=np.int64), times) for (kind, content), times in alike.items()]
    return Packing.of(listed, problem.flavours)


# -- the question ------------------------------------------------------------------------


def check_question(instance: Instance) -> bool | None:
    """Compare the cheapest packing with the best placement; None where counting refuses."""
    best = brute_force(instance)
    try:
        counting = Counting.of(instance)
    except UnsupportedError:
        return None
    except ContradictionError:
        assert best is None
        return False
    assert counting.exact
    cost = cheapest_packing(counting.problem)
    if cost is None:
        assert best is None or (not counting.unconditional and any(best.values[: counting.level]))
        return False
    assert best is not None
    assert not any(best.values[: counting.level])
    assert counting.counts(best.values)
    assert counting.level is None or best.values[counting.level] == counting.value(cost)
    return True


def check_relaxation(instance: Instance) -> int:
    """Compare the bounds of the relaxed questions with the best placement; return how many there are."""
    best = brute_force(instance)
    bounds = 0
    for served in (None, False, True):
        try:
            counting = Counting.relaxed(instance, served=served)
        except UnsupportedError:
            continue
        except ContradictionError:
            assert best is None
            continue
        cost = cheapest_packing(counting.problem)
        if best is not None and counting.counts(best.values):
            assert cost is not None
            assert counting.level is None or counting.value(cost) <= best.values[counting.level]
            bounds += 1
    return bounds


def test_the_cheapest_packing_is_the_best_placement() -> None:
    """What counting calls exact must be: value, feasibility, and zero on the levels before."""
    found = Counter(check_question(drawn(seed)) for seed in range(80))
    assert found[True] >= 15
    assert found[False] >= 5
    assert found[None] >= 5


def test_a_relaxed_question_bounds_the_level() -> None:
    """A bound from a question that leaves rules and isolation out must never be above the optimum."""
    assert sum(check_relaxation(drawn(seed)) for seed in range(1000, 1030)) >= 30


@pytest.mark.campaign
@pytest.mark.parametrize("block", range(20))
def test_many_instances_agree_with_brute_force(block: int) -> None:
    """Rare combinations of features show up only among many instances."""
    seeds = range(10_000 + 200 * block, 10_200 + 200 * block)
    assert any(check_question(drawn(seed)) for seed in seeds)
    assert sum(check_relaxation(drawn(seed)) for seed in seeds)


def test_permuting_entries_changes_nothing() -> None:
    """Identical VMs and hosts are told by what they are, not by where they stand in the file."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        instance = random_instance(rng, rules=[], vms=6, hosts=5, counted=True, cost=True, current=False)
        vms = [instance.vms[at] for at in rng.permutation(len(instance.vms))]
        hosts = [instance.hosts[at] for at in rng.permutation(len(instance.hosts))]
        one, other = Counting.of(instance).problem, Counting.of(instance.replace(vms=vms, hosts=hosts)).problem
        for name in ("sizes", "demand", "capacities", "costs", "limits"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_entries_that_are_alike_are_merged() -> None:
    """A file that lists every VM and host by itself is as small a question as a counted one."""
    vms = [VM(name=f"v{n}", resources={"cpu": 2 + 2 * (n % 2)}) for n in range(10)]
    hosts = [Host(name=f"h{n}", capacity={"cpu": 11}) for n in range(7)]
    problem = Counting.of(Instance(resources=[CPU], vms=vms, hosts=hosts, objective=levels("hosts"))).problem
    assert problem.demand.tolist() == [5, 5]
    assert problem.sizes.tolist() == [[1], [2]]
    assert problem.capacities.tolist() == [[5]]
    assert problem.limits.tolist() == [7]


def test_costs_come_back_in_the_level_s_unit() -> None:
    """Costs are integers inside; a planner reads the weights, decimals and sums of the file."""
    hosts = [
        Host(name="h", count=2, capacity={"cpu": 8}, cost=0.75),
        Host(name="k", count=2, capacity={"cpu": 8}, cost=2),
    ]
    terms = [Term(kind="hosts", weight=0.5), Term(kind="cost", weight=2)]
    counting = Counting.of(small(hosts=hosts, objective=[ObjectiveLevel(terms=terms)]))
    assert [counting.value(cost) for cost in counting.problem.costs.tolist()] == [2, Fraction(9, 2)]


def test_costs_beyond_exact_sums_are_refused() -> None:
    """A proof in integers needs sums that stay exact; anything else is left to the other engines."""
    hosts = [Host(name=f"h{cost}", capacity={"cpu": 11}, cost=Decimal(cost)) for cost in ("1e12", "1e-9")]
    with pytest.raises(UnsupportedError, match="too large"):
        Counting.of(small(hosts=hosts, objective=levels("cost")))


def test_settled_vms_take_room_and_open_their_hosts() -> None:
    """Hosts of ignored VMs are in use anyway, so what they have left is free."""
    vms = [VM(name="a", count=3, resources={"cpu": 3}), VM(name="stays", resources={"cpu": 4}, host="h-2")]
    counting = Counting.of(small(vms=vms, rules=[Ignore(vms=["stays"])], objective=levels("hosts")))
    free = np.flatnonzero(counting.problem.costs == 0)
    assert counting.problem.limits[free].tolist() == [1]
    assert counting.value(0) == 1
    packing = random_packing(np.random.default_rng(0), counting.problem)
    assert packing is not None
    assert counting.placement(packing).host_of[3] == 1


def test_settled_vms_that_do_not_fit_prove_infeasibility() -> None:
    """A pinned VM too large for its host needs no search; where VMs may be left out it proves nothing."""
    vms = [VM(name="a", resources={"cpu": 9})]
    pinned = small(vms=vms, rules=[Pin(vms=["a"], host="h-1")])
    with pytest.raises(ContradictionError, match="cpu of h-1"):
        Counting.of(pinned)
    with pytest.raises(UnsupportedError, match="cpu of h-1"):
        Counting.of(pinned.replace(allow_unplaced=True, objective=levels("unplaced", "hosts")))


def test_vms_over_all_cells_of_their_host_are_counted() -> None:
    """Such VMs load every cell alike, so that the smallest cell is the host's size."""
    cells = [Cell(capacity={"cpu": 4}), Cell(capacity={"cpu": 5})]
    vms = [VM(name="a", count=4, resources={"cpu": 4}, numa=2)]
    counting = Counting.of(small(vms=vms, hosts=[Host(name="h", count=3, cells=cells)]))
    assert cheapest_packing(counting.problem) == 2
    packing = Packing.of([(0, np.array([2]), 2)], 1)
    placement = counting.placement(packing)
    assert placement.cells is not None
    assert placement.cells.tolist() == [3] * 4
    assert verify(counting.instance, placement).ok
    assert not Counting.relaxed(small(vms=vms[:1], hosts=[Host(name="h", cells=[*cells, cells[0]])])).exact


def test_energy_counts_where_cpu_draws_the_same_everywhere() -> None:
    """Then the VMs' part of the energy is the same in every placement and only idle power is to be saved."""
    hosts = [Host(name="h", count=4, capacity={"cpu": 8}, idle_power=100, peak_power=180)]
    counting = Counting.of(small(hosts=hosts, objective=levels("energy")))
    assert counting.value(cheapest_packing(counting.problem) or 0) == 3 * 100 + 22 * 10
    uneven = [*hosts, Host(name="k", capacity={"cpu": 8}, idle_power=100, peak_power=190)]
    with pytest.raises(UnsupportedError, match="does not draw the same"):
        Counting.of(small(hosts=uneven, objective=levels("energy")))


LOOSE: dict[str, Size] = {"cpu": Bounds(reservation=1, demand=2)}

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("spread", {"rules": [Spread(vms=["a"])]}),
    ("spread", {"rules": [Spread(vms=["a"], price=1)]}),
    ("most 2 on", {"rules": [AtMostOn(most=2)]}),
    ("partially", {"vms": [VM(name="v", resources=LOOSE, isolation=Partial(alpha=0.5))]}),
    ("protected", {"vms": [VM(name="v", resources=LOOSE, isolation=Protected(gamma=1))]}),
    ("pinned to cores", {"vms": [VM(name="v", resources={"cpu": 2}, isolation=Full(pinned=True))]}),
    ("NUMA", {"hosts": [Host(name="h", cells=[Cell(capacity={"cpu": 8}), Cell(capacity={"cpu": 8})])]}),
    ("imbalance", {"objective": levels("imbalance", "hosts")}),
    ("migration", {"vms": [VM(name="v", resources=LOOSE, host="h-1")], "objective": levels("migration", "hosts")}),
    (
        "unmet demand",
        {
            "vms": [VM(name="v", resources=LOOSE)],
            "objective": [ObjectiveLevel(terms=[Term(kind="hosts"), Term(kind="unmet_demand")])],
        },
    ),
    ("left out", {"allow_unplaced": True}),
]


@pytest.mark.parametrize(("word", "changes"), REFUSED, ids=[word for word, _ in REFUSED])
def test_what_counting_does_not_see_is_refused_by_name(word: str, changes: dict[str, Any]) -> None:
    """A planner learns which feature keeps an instance from the fast engines."""
    instance = small(**changes)
    with pytest.raises(UnsupportedError, match=word):
        Counting.of(instance)
    relaxed = Counting.relaxed(instance)
    assert not relaxed.exact
    assert relaxed.ruled == bool(instance.rules)


@pytest.mark.parametrize(
    "rule",
    [
        Spread(vms=["a-1"]),
        Spread(vms=["a"], price=0),
        Gather(vms=["b-1"]),
        Fence(vms=["a"], hosts=["h", "big"]),
        Ban(vms=["a"], hosts=["closed"]),
        AtMostOn(most=5),
        AtMostPerHost(most=4, vms=["a"]),
        Split(groups=[["a"], ["off"]]),
        Dedicated(vms=["a", "b"]),
        Pin(vms=["a"], price=5),
    ],
    ids=str,
)
def test_rules_that_nothing_can_break_do_not_bind(rule: Rule) -> None:
    """Inventories carry rules about VMs that are off and hosts that are closed; they cost no speed."""
    plain = small()
    vms = [*plain.vms, VM(name="off", resources={"cpu": 1}, power="off")]
    hosts = [*plain.hosts, Host(name="closed", capacity={"cpu": 8}, state="maintenance")]
    counted = Counting.of(small(vms=vms, hosts=hosts, rules=[rule])).problem
    assert np.array_equal(counted.demand, Counting.of(plain).problem.demand)


def test_demands_are_the_sizes_only_where_they_come_first() -> None:
    """Bounds on demand-sized VMs speak of placements that meet every demand, and of no others."""
    vms = [VM(name="a", count=2, resources={"cpu": Bounds(reservation=2, demand=6)})]
    first = Counting.of(small(vms=vms, objective=levels("unmet_demand", "hosts")))
    assert first.served
    assert not first.unconditional
    assert cheapest_packing(first.problem) == 2
    assert first.counts((Fraction(0), Fraction(9)))
    assert not first.counts((Fraction(1), Fraction(9)))
    assert not first.counts(None)
    last = Counting.of(small(vms=vms, objective=levels("hosts", "unmet_demand")))
    assert last.unconditional
    assert cheapest_packing(last.problem) == 1
    start = Counting.relaxed(first.instance, served=False)
    assert not start.exact
    assert start.unconditional
    assert cheapest_packing(start.problem) == 1


# -- merging -----------------------------------------------------------------------------


def test_leaving_resources_out_keeps_every_filling() -> None:
    """Smaller figures and fewer resources must admit exactly the same fillings of every bin."""
    left_out = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        shape = int(rng.integers(1, 4)), int(rng.integers(1, 5))
        sizes = rng.integers(0, 5, shape) * rng.integers(1, 4, shape[1])
        if shape[1] > 1 and seed % 2:
            sizes[:, -1] = sizes[:, 0] * int(rng.integers(1, 3))
        capacities = rng.integers(0, 25, (int(rng.integers(1, 4)), shape[1]))
        demand = rng.integers(1, 4, shape[0])
        small_sizes, small_capacities = reduced(sizes, demand, capacities)
        left_out += shape[1] - small_sizes.shape[1]
        for filling in product(*(range(most + 1) for most in demand.tolist())):
            was = (np.array(filling) @ sizes <= capacities).all(axis=1)
            assert np.array_equal(was, (np.array(filling) @ small_sizes <= small_capacities).all(axis=1))
    assert left_out > 20


def test_rows_are_told_apart_exactly() -> None:
    """Everything rests on rows that are equal being one, and others not."""
    rows = np.random.default_rng(0).integers(0, 3, (50, 3))
    distinct, which = distinct_rows(rows)
    assert np.array_equal(distinct[which], rows)
    assert len(distinct) == len({tuple(row) for row in rows.tolist()})
    assert [len(part) for part in distinct_rows(np.zeros((4, 0), dtype=np.int64))] == [1, 4]
    assert [len(part) for part in distinct_rows(np.zeros((0, 2), dtype=np.int64))] == [0, 0]


def test_bins_that_hold_nothing_are_left_out() -> None:
    """A type that no item fits into would only slow engines down."""
    capacities = np.array([[4], [1], [9]])
    found = merged(np.array([[3]]), np.array([2]), capacities, [Fraction(1)] * 3, np.array([1, 5, 2]))
    assert found.kind.tolist() == [0, -1, 1]
    assert found.problem.limits.tolist() == [1, 2]


# -- the answer --------------------------------------------------------------------------


def at_home(seed: int) -> Instance:
    """Draw an instance that counting takes, with current hosts."""
    rng = np.random.default_rng(seed)
    many = {"vms": 7, "hosts": 4} if seed % 2 else {}
    rules = ["pin"] if rng.random() < 0.3 else []
    modes = ["shared", "full", "pinned"] if rng.random() < 0.3 else ["shared"]
    ignored, load = bool(rng.random() < 0.2), float(rng.uniform(0.3, 0.7))
    return random_instance(
        rng, rules=rules, hard=True, isolation=modes, ignored=ignored, off=True, current=True, load=load, **many
    )


def recovered(seed: int) -> tuple[Counting, Packing, Placement] | None:
    """Return a random packing of a random instance, and its placement."""
    try:
        counting = Counting.of(at_home(seed))
    except (UnsupportedError, ContradictionError):
        return None
    packing = random_packing(np.random.default_rng(seed), counting.problem)
    return None if packing is None else (counting, packing, counting.placement(packing))


def check_answer(counting: Counting, packing: Packing, placement: Placement) -> None:
    """Hold a placement against the judge and against what its packing costs."""
    allocated = allocate(counting.instance, placement)
    assert allocated is not None
    verdict = verify(counting.instance, allocated)
    assert verdict.ok
    assert verdict.values is not None
    assert not any(verdict.values[: counting.level])
    assert counting.level is not None
    assert verdict.values[counting.level] == counting.value(packing.cost(counting.problem))


def kept(counting: Counting, host_of: np.ndarray[Any, Any]) -> tuple[Fraction, int]:
    """Return the move costs of the packed VMs that stay, and their number."""
    instance = counting.instance
    stays = np.flatnonzero((counting.recovery.flavour >= 0) & (host_of == instance.current))
    costs = (exact(instance.vms[entry].move_cost) for entry in instance.vm_entry[stays].tolist())
    return sum(costs, Fraction(0)), len(stays)


def most_kept(counting: Counting, packing: Packing) -> tuple[Fraction, int]:
    """Return the most that any placement with the packing's bins keeps, by trying all of them."""
    flavour, kind = counting.recovery.flavour, counting.recovery.kind
    vms, hosts = np.flatnonzero(flavour >= 0), np.flatnonzero(kind >= 0).tolist()
    rows = zip(packing.types.tolist(), packing.patterns.tolist(), packing.times.tolist(), strict=True)
    wanted = Counter({(of, tuple(filling)): times for of, filling, times in rows})
    best = (Fraction(-1), -1)
    for chosen in product(hosts, repeat=len(vms)):
        contents: dict[int, list[int]] = {}
        for vm, host in zip(vms.tolist(), chosen, strict=True):
            contents.setdefault(host, [0] * counting.problem.flavours)[flavour[vm]] += 1
        if Counter((int(kind[host]), tuple(content)) for host, content in contents.items()) == wanted:
            host_of = np.full(len(flavour), -2)
            host_of[vms] = chosen
            best = max(best, kept(counting, host_of))
    return best


def test_a_packing_becomes_a_valid_placement_of_its_cost() -> None:
    """Names are given back without overfilling a host, losing a VM, or changing the value."""
    answers = [found for seed in range(50) if (found := recovered(seed)) is not None]
    assert len(answers) >= 20
    for counting, packing, placement in answers:
        check_answer(counting, packing, placement)


def test_recovery_keeps_as_much_as_the_packing_allows() -> None:
    """Whoever need not move must not: against every way to name the same bins."""
    some = 0
    for seed in range(200, 260):
        if (found := recovered(seed)) is not None:
            counting, packing, placement = found
            if counting.instance.host_count ** int((counting.recovery.flavour >= 0).sum()) <= 1500:
                best = most_kept(counting, packing)
                assert kept(counting, placement.host_of) == best
                some += best[1] > 0
    assert some >= 10


def test_recovery_in_turn_is_valid_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pairs are too many to be matched optimally, hosts take patterns in turn, a few at a time."""
    best = [found for seed in range(400, 460) if (found := recovered(seed)) is not None]
    monkeypatch.setattr(matching, "MOST_MATCHED", 0)
    monkeypatch.setattr(matching, "MOST_WEIGHED", 3)
    stays = 0
    for counting, packing, placement in best:
        in_turn = Counting.of(counting.instance).placement(packing)
        check_answer(counting, packing, in_turn)
        assert kept(counting, in_turn.host_of) <= kept(counting, placement.host_of)
        stays += kept(counting, in_turn.host_of)[1]
    assert stays > 20


def test_the_current_placement_comes_back_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A packing that is the one in place moves nobody, however large the cluster is."""
    vms = [VM(name="a", count=3000, resources={"cpu": 3}), VM(name="b", count=2000, resources={"cpu": 5})]
    instance = small(vms=vms, hosts=[Host(name="h", count=2500, capacity={"cpu": 11})])
    counting = Counting.of(instance)
    packing = Packing.of([(0, np.array([2, 1]), 1500), (0, np.array([0, 2]), 250)], 2)
    host_of = counting.placement(packing).host_of
    mixed = np.random.default_rng(0).permutation(instance.host_count)[host_of]
    names = instance.host_names.names_of(mixed)
    moved = [
        VM(name=vm.name, count=vm.count, resources=vm.resources, host=names[begin : begin + vm.count])
        for vm, begin in zip(vms, instance.vm_names.offsets.tolist(), strict=False)
    ]
    for most in (matching.MOST_MATCHED, 10**7):
        monkeypatch.setattr(matching, "MOST_MATCHED", most)
        again = Counting.of(instance.replace(vms=moved))
        assert np.array_equal(again.placement(packing).host_of, again.instance.current)


def test_hosts_that_are_on_come_first() -> None:
    """Among hosts that differ in nothing else, none is switched on while another one idles."""
    hosts = [
        Host(name="off", count=2, capacity={"cpu": 11}, state="off"),
        Host(name="on", count=2, capacity={"cpu": 11}),
    ]
    counting = Counting.of(small(hosts=hosts, vms=[VM(name="a", count=6, resources={"cpu": 3})]))
    packing = Packing.of([(0, np.array([3]), 2)], 1)
    assert set(counting.placement(packing).host_of.tolist()) == {2, 3}


def test_what_is_no_packing_of_the_problem_is_refused() -> None:
    """A wrong answer must not become a placement that the judge then rejects without saying where it came from."""
    counting = Counting.of(small())
    with pytest.raises(InputError, match="items packed"):
        counting.placement(Packing.of([(0, np.array([1, 0]), 1)], 2))
