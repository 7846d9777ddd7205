"""Tests of the host-mix program's exact solution: against all mixes, and step by step."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import product

import numpy as np
import pytest

from formulations import VM, Host, Instance, ObjectiveLevel, Resource, Term
from formulations.covering import Covering
from formulations.errors import InputError
from formulations.host_mix import Cut, stated, volume_cuts
from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.backends import backend_named
from solver.backends.base import Outcome, Settings
from solver.bounds.host_mix import INFEASIBLE, HostMix
from solver.bounds.host_mix.boxes import Tightening, direct, dominance
from solver.bounds.host_mix.certificates import Certificate
from solver.bounds.host_mix.linear import LinearRelaxation
from solver.bounds.host_mix.rounding import roundings
from solver.bounds.host_mix.rows import Rows
from solver.deadline import Deadline
from solver.placing import place
from solver.result import Status
from tests.agreement import seeds
from tests.formulations.test_covering import PUBLISHED, cloud_balancing, costs_of
from tests.packing_oracle import cheapest_packing, random_packing


@dataclass(frozen=True)
class Question:
    """A small program, whose every mix can be tried."""

    costs: list[int]
    limits: list[int]
    cuts: list[Cut]

    @classmethod
    def random(cls, rng: np.random.Generator, types: int = 4, huge: bool = True) -> Question:
        """Draw a program: costs of 0, limits of 0, equal types and contradictions are among what is drawn."""
        number = int(rng.integers(1, types + 1))
        largest = int(rng.choice([5, 20, 1000, 2**40, 2**70] if huge else [5, 20, 1000]))
        costs = rng.integers(0, int(rng.choice([3, 10, 1000])), number).tolist()
        limits = rng.integers(0, 7, number).tolist()
        cuts = [cls._cut(rng, limits, largest) for _ in range(int(rng.integers(1, 5)))]
        return cls(costs, limits, cuts)

    @staticmethod
    def _cut(rng: np.random.Generator, limits: list[int], largest: int) -> Cut:
        values = tuple(int(largest * part) for part in rng.random(len(limits)))
        whole = sum(value * limit for value, limit in zip(values, limits, strict=True))
        part = 1000 if rng.random() < 0.2 else int(rng.integers(0, 1060))
        return Cut(values, whole * part // 1000)

    def solver(self) -> HostMix:
        """Return the program with all its cuts added."""
        mixing = HostMix(self.costs, self.limits)
        for cut in self.cuts:
            mixing.add(cut)
        return mixing

    def cost(self, mix: tuple[int, ...]) -> int:
        """Return what a mix costs."""
        return sum(cost * n for cost, n in zip(self.costs, mix, strict=True))

    @cached_property
    def mixes(self) -> list[tuple[int, ...]]:
        """All mixes that pass every cut."""
        everything = product(*(range(limit + 1) for limit in self.limits))
        return [mix for mix in everything if all(cut.passes(mix) for cut in self.cuts)]

    @property
    def cheapest(self) -> int | None:
        """What the cheapest mix costs; None if no mix passes."""
        return min(map(self.cost, self.mixes), default=None)

    def tables(self) -> tuple[Integers, Integers, Rows]:
        """Return costs, limits and rows as the parts of the solver take them."""
        limits = np.array(self.limits, dtype=np.int64)
        cuts = [cut.reduced() for cut in self.cuts if not cut.trivial]
        return np.array(self.costs, dtype=np.int64), limits, Rows(cuts, limits)


def assert_exact(rng: np.random.Generator) -> bool:
    """Assert that a random program is solved as by trying every mix; say whether it has a mix."""
    question = Question.random(rng)
    proof, cheapest, mixing = question.solver().prove(), question.cheapest, question.solver()
    if cheapest is None:
        assert proof.infeasible
        assert proof.mix is None
        assert mixing.safe_bound() == INFEASIBLE
        return False
    assert proof.bound == cheapest
    assert not proof.infeasible
    assert proof.optimal
    assert proof.mix is not None
    assert tuple(proof.mix.tolist()) in question.mixes
    assert question.cost(tuple(proof.mix.tolist())) == cheapest
    assert mixing.safe_bound() <= cheapest
    assert mixing.relaxation().value <= cheapest * (1 + 1e-6) + 1e-6
    return True


def test_small_programs_are_solved_as_by_trying_every_mix() -> None:
    """The bound is the optimum, with integers up to 2**70, contradictions and types that cost nothing."""
    feasible = [assert_exact(rng) for rng in seeds("host mix", 120)]
    assert 60 < sum(feasible) < 115


PARTS = "solver.bounds.host_mix"

WAYS: dict[str, dict[str, object]] = {
    "branching alone": {f"{PARTS}.tree.MOST_ROUNDS": 0, f"{PARTS}.restarts.FIRST_NODES": 10**9},
    "restarts at once": {f"{PARTS}.restarts.FIRST_NODES": 0, f"{PARTS}.restarts.MOST_OPEN": 1.0},
    "diving": {f"{PARTS}.tree.MOST_ROUNDS": 0, f"{PARTS}.tree.DIVE_EVERY": 1, f"{PARTS}.restarts.FIRST_NODES": 3},
    "no dual ray": {f"{PARTS}.linear.LinearRelaxation._contradiction": lambda _: None},
    "no simplex": {f"{PARTS}.linear.LinearRelaxation._solve_held": lambda _: None},
    "no mixes": {f"{PARTS}.tree.rounded_up": lambda *_: None, f"{PARTS}.tree.filled_up": lambda *_: None},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_part_may_fail_or_work_alone(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small programs end at the root; the parts that only hard ones need are held against all mixes, too."""
    for target, value in WAYS[way].items():
        monkeypatch.setattr(target, value)
    for rng in seeds(f"host mix, {way}", 25):
        assert_exact(rng)


def medium(rng: np.random.Generator, types: int, resources: int) -> HostMix:
    """Return a program of many types in small number, hard enough to branch and to restart."""
    capacities = rng.choice([4, 8, 16, 32, 48, 64, 96, 128], (types, resources))
    costs = (capacities.sum(axis=1) * rng.uniform(0.7, 1.3, types) * 3).astype(int)
    limits = rng.integers(1, 20, types)
    mixing = HostMix(costs, limits)
    for column in capacities.T:
        mixing.add(Cut(tuple(column.tolist()), int(column @ limits * 0.45)))
    return mixing


def test_medium_programs_agree_with_a_backend() -> None:
    """Where branching is needed, the exact optimum is the one that HiGHS claims."""
    branched = 0
    for rng in seeds("medium host mix", 3):
        mixing = medium(rng, 24, 3)
        program = stated(mixing.costs.tolist(), mixing.limits.tolist(), mixing.cuts)
        solution = backend_named("highs").solve(program.problem, deadline=Deadline(60), settings=Settings())
        proof = mixing.prove(Deadline(60))
        assert proof.optimal
        assert solution.outcome is Outcome.OPTIMAL
        assert solution.objective == pytest.approx(proof.bound, rel=1e-6)
        branched += proof.nodes > 60
    assert branched


@pytest.mark.campaign
def test_small_programs_are_solved_as_by_trying_every_mix_campaign() -> None:
    """The same on 3,000 programs."""
    for rng in seeds("host mix, campaign", 3000):
        assert_exact(rng)


def test_a_target_and_a_deadline_leave_the_bound_true() -> None:
    """Whenever the search ends, its bound holds; with a target it ends there and not above the optimum."""
    for rng in seeds("host mix, cut short", 40):
        question = Question.random(rng)
        if (cheapest := question.cheapest) is None:
            continue
        target = int(rng.integers(0, cheapest + 3))
        assert min(target, cheapest) <= question.solver().prove(target=target).bound <= cheapest
        cut_short = question.solver().prove(Deadline(0.0))
        assert 0 <= cut_short.bound <= cheapest
        assert cut_short.mix is None or tuple(cut_short.mix.tolist()) in question.mixes


def test_a_box_has_a_bound_of_its_own() -> None:
    """Safe bounds hold in every box, and tell where no mix is left."""
    empty = 0
    for rng in seeds("host mix, boxes", 60):
        question = Question.random(rng)
        lower = rng.integers(0, 4, len(question.limits))
        upper = rng.integers(0, 7, len(question.limits))
        inside = [mix for mix in question.mixes if (lower <= mix).all() and (mix <= upper).all()]
        bound = question.solver().safe_bound(lower, upper)
        assert bound <= min(map(question.cost, inside), default=INFEASIBLE)
        empty += bound == INFEASIBLE
    assert empty > 10


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_cover_bounds_are_proved(name: str) -> None:
    """Hundreds of hosts of many capacities and costs: the known values, in integers throughout."""
    instance = cloud_balancing(name)
    covering = Covering(instance, costs_of(instance))
    costs = [int(mix.cost / covering.step) for mix in covering.mixes]
    mixing = HostMix(costs, [mix.number for mix in covering.mixes])
    for cut in covering.cuts():
        mixing.add(cut)
    proof = mixing.prove(Deadline(60))
    assert covering.cost_of_steps(proof.bound) == PUBLISHED[name]
    assert proof.optimal
    assert proof.nodes < 200


def test_backends_agree() -> None:
    """CBC solves the same program, as far as floats tell."""
    for rng in seeds("host mix and CBC", 10):
        question = Question.random(rng, types=8, huge=False)
        program = stated(question.costs, question.limits, question.cuts)
        proof = question.solver().prove()
        if proof.infeasible:
            continue
        solution = backend_named("cbc").solve(program.problem, deadline=Deadline(30), settings=Settings())
        assert solution.outcome is Outcome.OPTIMAL
        assert solution.objective == pytest.approx(proof.bound, abs=1e-4)


def heaviest(problem: VectorPacking, weights: list[int], kind: int) -> int:
    """Return the largest weight that a bin holds, by trying every filling."""
    fillings = product(*(range(int(most) + 1) for most in problem.most[:, kind]))
    fitting = (f for f in fillings if (np.array(f) @ problem.sizes <= problem.capacities[kind]).all())
    return max(sum(n * w for n, w in zip(f, weights, strict=True)) for f in fitting)


def test_cuts_from_weights_bound_every_packing() -> None:
    """The reason for it all: whatever weights items have, the proof holds for every packing."""
    above_volume = 0
    for rng in seeds("host mix of packings", 25):
        problem = random_packing(rng)
        if (cheapest := cheapest_packing(problem)) is None:
            continue
        mixing = HostMix(problem.costs, problem.available)
        for cut in volume_cuts(problem):
            mixing.add(cut)
        volume = mixing.prove().bound
        for _ in range(5):
            weights = rng.integers(0, 2**20, problem.flavours).tolist()
            least = sum(w * n for w, n in zip(weights, problem.demand.tolist(), strict=True))
            mixing.add(Cut(tuple(heaviest(problem, weights, k) for k in range(problem.types)), least))
        proof = mixing.prove()
        assert volume <= proof.bound <= cheapest
        above_volume += proof.bound > volume
    assert above_volume > 2


def two_prices(cheap: str, dear: str) -> Instance:
    """Return three VMs and hosts of two sizes and prices, to be bought as cheaply as possible."""
    hosts = [
        Host(name="a", capacity={"cpu": 10}, cost=Decimal(cheap), count=9),
        Host(name="b", capacity={"cpu": 20}, cost=Decimal(dear), count=2),
    ]
    vms = [VM(name="v", resources={"cpu": 7}, count=3)]
    objective = [ObjectiveLevel(terms=[Term(kind="cost")])]
    return Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts, objective=objective)


@pytest.mark.parametrize(
    ("prices", "value", "exactly"),
    [(("30", "47"), 77, True), (("0.000000001", "900000000000"), 3 * 10**-9, False)],
)
def test_placing_is_bounded_exactly_where_integers_are_not_too_large(
    prices: tuple[str, str], value: float, exactly: bool
) -> None:
    """The result says so; costs from a billionth to a trillion are left to the backend, as before."""
    result = place(two_prices(*prices), seconds=60)
    assert result.status is Status.OPTIMAL
    assert float(result.levels[0].value) == pytest.approx(value)
    assert (result.levels[0].proved_by == "host-mix program, exact") == exactly


# -- the parts ---------------------------------------------------------------------------------------


def test_any_prices_bound_every_mix() -> None:
    """A certificate holds for prices out of the blue, in 62 bits and in integers of any length alike."""
    lengths = set()
    for rng in seeds("certificates", 150):
        question = Question.random(rng)
        costs, limits, rows = question.tables()
        prices = rng.random(len(rows)) * rng.choice([0.01, 1.0, 100.0]) / rows.scale
        proof = Certificate(costs, rows, prices, question.cost(tuple(question.limits)))
        lengths.add(proof.slopes.dtype)
        cheapest = question.cheapest
        if cheapest is None:
            continue
        assert proof.bound(np.zeros_like(limits), limits) <= cheapest
        lower, upper = np.zeros_like(limits), limits.copy()
        if proof.tighten(lower, upper, cheapest):
            best = [mix for mix in question.mixes if question.cost(mix) == cheapest]
            assert all((lower <= mix).all() and (mix <= upper).all() for mix in best)
        else:
            pytest.fail("cut off the cheapest mix")
    assert lengths == {np.dtype(np.int64), np.dtype(np.object_)}


def test_rounded_rows_cut_off_fractions_only() -> None:
    """Every mix of the box that passes the row passes the rounded row; the fractional one does not."""
    drawn = 0
    for rng in seeds("rounded rows", 200):
        question = Question.random(rng, types=3, huge=bool(rng.random() < 0.3))
        costs, limits, rows = question.tables()
        if not question.mixes or not len(rows):
            continue
        lower = np.minimum(rng.integers(0, 3, len(limits)), limits)
        optimum = LinearRelaxation(costs, rows).solve(lower, limits)
        assert optimum is not None
        mixes = [mix for mix in question.mixes if (lower <= mix).all()]
        for t in np.flatnonzero(optimum.prices > 0).tolist():
            for cut in roundings(rows.values[t], int(rows.least[t]), lower, limits, optimum.numbers):
                drawn += 1
                assert float(cut.values @ optimum.numbers) < cut.least
                assert all(int(cut.values @ np.array(mix)) >= cut.least for mix in mixes)
    assert drawn > 30


def test_tightening_keeps_a_cheapest_mix() -> None:
    """What is cut off a box by several arguments together never holds the last cheapest mix."""
    cut_off = 0
    for rng in seeds("tightened boxes", 150):
        question = Question.random(rng, huge=False)
        costs, limits, rows = question.tables()
        lower, upper = np.zeros_like(limits), limits.copy()
        kept = Tightening(costs, limits, rows).tighten(lower, upper)
        left = [mix for mix in question.mixes if (lower <= mix).all() and (mix <= upper).all()]
        assert kept or question.cheapest is None
        if kept and question.cheapest is not None:
            assert min(map(question.cost, left)) == question.cheapest
        cut_off += len(left) < len(question.mixes)
    assert cut_off > 30


def test_dominance_is_a_strict_order_and_its_direct_pairs_span_it() -> None:
    """Equal types must not replace each other in turn; leaving out implied pairs must lose nothing."""
    for rng in seeds("dominance", 40):
        costs, values = rng.integers(0, 3, 7), rng.integers(0, 3, (2, 7))
        dominates = dominance(costs, values)
        closure = direct(dominates)
        assert not dominates.diagonal().any()
        assert not (dominates & dominates.T).any()
        for _ in range(7):
            closure |= (closure.astype(int) @ closure.astype(int)) > 0
        np.testing.assert_array_equal(closure, dominates)


def test_large_cuts_are_weakened_and_never_strengthened() -> None:
    """Rows of int64 stand for cuts of any size: whatever passes the cut passes its row."""
    for rng in seeds("large cuts", 40):
        question = Question.random(rng)
        _, _, rows = question.tables()
        assert all(rows.passed(np.array(mix, dtype=np.int64)) for mix in question.mixes)
        assert all(reach < 2**62 for reach in rows.reach)


def test_cuts_that_say_nothing_new_are_not_taken() -> None:
    """Callers add whatever they find: repeated, weaker and trivial cuts must not pile up."""
    mixing = HostMix([3, 5], [9, 9])
    assert mixing.add(Cut((4, 7), 18))
    assert not mixing.add(Cut((8, 14), 36))
    assert not mixing.add(Cut((5, 8), 17))
    assert not mixing.add(Cut((1, 1), 0))
    assert mixing.add(Cut((1, 1), 4))
    assert len(mixing.cuts) == 2


def test_cuts_that_do_not_matter_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Column generation adds cuts for as long as it runs; the bound must not suffer from forgetting."""
    monkeypatch.setattr("solver.bounds.host_mix.mixing.MOST_CUTS", 12)
    monkeypatch.setattr("solver.bounds.host_mix.mixing.PATIENCE", 3)
    mixing = HostMix([7, 9, 11], [20, 20, 20])
    mixing.add(Cut((10, 13, 17), 301))
    before = mixing.prove().bound
    for n in range(40):
        mixing.add(Cut((100 + n, 120 - n, 150), 500 + n))
        mixing.relaxation()
    assert len(mixing.cuts) < 20
    assert mixing.prove().bound >= before


@pytest.mark.parametrize(
    ("costs", "limits"),
    [([1], [1, 2]), ([-1], [1]), ([1], [-1]), ([2**40], [2**30])],
)
def test_what_cannot_be_added_exactly_is_refused(costs: list[int], limits: list[int]) -> None:
    """Costs beyond 62 bits would make bounds wrong in silence."""
    with pytest.raises(InputError):
        HostMix(costs, limits)


def test_a_cut_needs_a_value_per_type() -> None:
    """A short cut would be stretched by numpy without a word."""
    with pytest.raises(InputError, match="expected 2 values"):
        HostMix([1, 2], [3, 3]).add(Cut((1,), 1))


def test_without_cuts_no_bin_is_needed() -> None:
    """The empty program is answered too, and the one without types."""
    assert HostMix([3, 5], [9, 9]).prove().bound == 0
    assert HostMix([], []).prove().optimal
    nothing = HostMix([], [])
    assert nothing.add(Cut((), 3))
    assert nothing.prove().infeasible
