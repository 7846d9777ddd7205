"""The rules' judges: hand-made cases of each, and agreement with a plain reading on random ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest

from formulations import VM, Host, Instance, Resource, UnsupportedError
from formulations.rules import (
    Among,
    AtLeastDomains,
    AtMostMoves,
    AtMostOn,
    AtMostPerHost,
    Ban,
    Dedicated,
    Depend,
    FaultDomains,
    Fence,
    Gather,
    Ignore,
    Pin,
    PlacementRule,
    Rule,
    Split,
    Spread,
)
from solver.verifying import RuleJudge, amount_broken
from tests.oracle import Oracle
from tests.strategies import RULES, everything, random_placement


def small_instance(rules: list[Rule] | None = None) -> Instance:
    """Return six VMs (``old`` is ignored on h1, ``off`` is off) on h1 … h4; h4 has no labels."""
    return Instance(
        resources=[Resource(name="cpu")],
        vms=[
            VM(name="web", count=3, resources={"cpu": 1}, group="shop", host=["h1", "h2", "h3"]),
            VM(name="db", resources={"cpu": 1}),
            VM(name="old", resources={"cpu": 1}, host="h1"),
            VM(name="off", resources={"cpu": 1}, power="off"),
        ],
        hosts=[
            Host(name="h1", capacity={"cpu": 9}, rack="r1", zone="east"),
            Host(name="h2", capacity={"cpu": 9}, rack="r1", zone="west"),
            Host(name="h3", capacity={"cpu": 9}, rack="r2", zone="west"),
            Host(name="h4", capacity={"cpu": 9}),
        ],
        rules=[Ignore(vms=["old"]), *(rules or [])],
    )


# the hosts of web-1, web-2, web-3 and db; 0 is no host. ``old`` stays on h1, ``off`` is nowhere.
CASES: list[tuple[Rule, tuple[int, int, int, int], int, str]] = [
    (Spread(vms=["web"]), (1, 2, 3, 1), 0, ""),
    (Spread(vms=["web"]), (2, 2, 2, 1), 2, "web-1, web-2 and web-3 share h2"),
    (Spread(vms=["web"]), (0, 2, 2, 2), 1, "web-2 and web-3 share h2"),
    (Spread(vms=["*"]), (2, 3, 4, 1), 0, ""),  # old, on h1 too, is not seen
    (Spread(vms=["web"], level="rack"), (1, 2, 4, 4), 1, "web-1 and web-2 share rack r1"),
    (Spread(vms=["web"], level="rack"), (4, 3, 4, 4), 1, "web-1 and web-3 share h4"),
    (Gather(vms=["web"]), (2, 2, 2, 1), 0, ""),
    (Gather(vms=["web"]), (0, 0, 0, 1), 0, ""),
    (Gather(vms=["web"]), (1, 2, 1, 1), 1, "apart: web-1 and web-3 in h1 and web-2 in h2"),
    (Gather(vms=["web"], level="zone"), (2, 3, 2, 1), 0, ""),
    (
        Gather(vms=["group:shop"], level="zone"),
        (1, 3, 4, 1),
        2,
        "apart: web-1 in zone east, web-2 in zone west and web-3 in h4",
    ),
    (AtLeastDomains(vms=["web"], least=2), (1, 2, 2, 1), 0, ""),
    (AtLeastDomains(vms=["web"], least=3, level="zone"), (1, 2, 3, 1), 1, "only 2 of 3: zone east and zone west"),
    (AtLeastDomains(vms=["web"], least=3), (1, 1, 0, 1), 1, "only 1 of 3: zone east"),
    (AtLeastDomains(vms=["web"], least=3), (0, 0, 0, 1), 0, ""),
    (AtLeastDomains(vms=["old"], least=2), (1, 2, 3, 4), 2, "none of 2"),  # not seen, placed or not
    (Ban(vms=["web"], hosts=["h1", "h2"]), (1, 2, 3, 1), 2, "web-1 runs on h1; web-2 runs on h2"),
    (Ban(vms=["web"], hosts=["zone:west"]), (1, 4, 0, 2), 0, ""),
    (Fence(vms=["web"], hosts=["zone:west"]), (2, 3, 0, 1), 0, ""),
    (Fence(vms=["web", "db"], hosts=["h2"]), (2, 2, 3, 4), 2, "web-3 runs on h3; db runs on h4"),
    (Pin(vms=["web"], host="h2"), (2, 2, 0, 1), 0, ""),
    (Pin(vms=["web"], host="h2"), (2, 3, 1, 1), 2, "web-2 runs on h3 instead of h2; web-3 runs on h1 instead of h2"),
    (Pin(vms=["web", "db"]), (1, 2, 4, 4), 1, "web-3 runs on h4 instead of h3"),
    (Among(vms=["web"], sets=[["h1"], ["h2", "h3"]]), (2, 3, 2, 1), 0, ""),
    (Among(vms=["web"], sets=[["h1"], ["h2", "h3"]]), (2, 3, 1, 1), 1, "web-3 runs on h1"),
    (Among(vms=["web"], sets=[["h1"], ["h2"]]), (4, 0, 4, 1), 2, "web-1 runs on h4; web-3 runs on h4"),
    (Among(vms=["web"], sets=[["h1", "h2"], ["h2", "h3"]]), (2, 3, 0, 1), 0, ""),
    (AtMostPerHost(vms=["web"], most=1), (2, 2, 2, 1), 2, "h2 runs 3"),
    (AtMostPerHost(most=2, hosts=["h1"]), (1, 1, 2, 2), 0, ""),  # old counts nowhere
    (AtMostPerHost(most=0, hosts=["h1", "h4"]), (1, 4, 2, 4), 3, "h1 runs 1; h4 runs 2"),
    (AtMostMoves(most=1), (1, 3, 3, 4), 0, ""),  # db has no current host: it does not move
    (AtMostMoves(most=1), (0, 1, 2, 4), 1, "2 move: web-2 and web-3"),
    (AtMostMoves(most=0, vms=["web-1"]), (2, 1, 2, 4), 1, "1 move: web-1"),
    (AtMostOn(most=2), (2, 2, 2, 2), 0, ""),
    (AtMostOn(most=1), (2, 2, 2, 3), 2, "3 in use: h1, h2 and h3"),  # old keeps h1 in use
    (AtMostOn(most=0, hosts=["h1"]), (0, 0, 0, 0), 1, "1 in use: h1"),
    (Dedicated(vms=["db"]), (2, 2, 2, 1), 0, ""),  # old, on h1 too, is not seen
    (Dedicated(vms=["db"]), (2, 2, 0, 2), 1, "db shares h2 with web-1 and web-2"),
    (Dedicated(vms=["web-1", "web-2"]), (2, 3, 3, 2), 2, "web-1 shares h2 with db; web-2 shares h3 with web-3"),
    (Depend(vms=["web"], on=["db"], level="zone"), (2, 3, 0, 2), 0, ""),
    (
        Depend(vms=["web"], on=["db"], level="zone"),
        (1, 2, 4, 3),
        2,
        "web-1 runs in zone east without any of db; web-3 runs in h4 without any of db",
    ),
    (Depend(vms=["db"], on=["old"], level="host"), (2, 2, 2, 1), 1, "db runs in h1 without any of old"),
    (Depend(vms=["web"], on=["web-1"]), (2, 2, 2, 1), 0, ""),  # a VM serves itself
    (Split(groups=[["web"], ["db"]]), (1, 2, 3, 4), 0, ""),
    (Split(groups=[["web"], ["db"]]), (2, 2, 2, 2), 1, "web-1, web-2, web-3 and db share h2"),
    (
        Split(groups=[["web-1"], ["web-2"], ["db"]], level="zone"),
        (3, 2, 2, 2),
        2,
        "web-1, web-2 and db share zone west",
    ),
    (FaultDomains(domains=[["web"], ["db"]]), (3, 3, 3, 4), 0, ""),
    (FaultDomains(domains=[["web"], ["db"]]), (1, 3, 3, 2), 1, "web-1 and db share rack r1"),
    (
        FaultDomains(domains=[["web"], ["db"]]),
        (2, 3, 4, 2),
        2,
        "web-1 and db share h2; web-1 and db share rack r1",
    ),
    (FaultDomains(domains=[["web"], ["db"]]), (4, 0, 0, 4), 1, "web-1 and db share h4"),  # h4 is in no rack
    (Ignore(vms=["old"]), (1, 2, 3, 4), 0, ""),
]


@pytest.mark.parametrize(("rule", "where", "amount", "words"), CASES)
def test_hand_made(rule: Rule, where: tuple[int, ...], amount: int, words: str) -> None:
    """The amounts that the rules' own words promise, counted by hand, and who is named for them."""
    host_of = np.array([*where, 1, 0]) - 1
    judge = RuleJudge(small_instance(), rule)
    assert judge.amount(host_of) == amount
    assert judge.explain(host_of) == words
    assert amount_broken(small_instance(), rule, host_of) == amount


def test_every_kind_has_a_hand_made_case() -> None:
    """A rule added later must be judged by hand too."""
    assert {type(rule) for rule, *_ in CASES} == set(get_args(Rule))


def test_ignored_vm_that_moves_breaks_its_rule() -> None:
    """The one rule that sees ignored VMs."""
    rule = Ignore(vms=["old", "db"])
    moved = np.array([0, 1, 2, 3, 2, -1])
    assert amount_broken(small_instance(), rule, moved) == 1
    assert RuleJudge(small_instance(), rule).explain(moved) == "old runs on h3 instead of h1"


def test_unknown_kind_of_rule_is_refused_by_name() -> None:
    """A rule without a judge must not pass for kept."""

    class Novel(PlacementRule, frozen=True, kw_only=True, tag="novel"):
        """A rule that nobody knows."""

    with pytest.raises(UnsupportedError, match="novel"):
        RuleJudge(small_instance(), Novel())


def test_long_offences_are_cut() -> None:
    """A message about thousands of VMs must stay readable."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="w", count=5000, resources={})],
        hosts=[Host(name="h", count=2500, capacity={})],
    )
    words = RuleJudge(instance, Spread(vms=["w"])).explain(np.arange(5000) % 2500)
    assert words.startswith("w-1 and w-2501 share h-1; ")
    assert words.endswith("; and more")
    crowd = RuleJudge(instance, Spread(vms=["w"])).explain(np.zeros(5000, dtype=np.int64))
    assert crowd == "w-1, w-2, w-3, w-4, w-5, w-6 and 4994 more share h-1"


def _random_cases(seeds: range, **knobs: object) -> Iterator[tuple[Instance, np.random.Generator]]:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        yield everything(rng, **knobs), rng


def _agrees(instance: Instance, rng: np.random.Generator) -> int:
    """Compare on complete and partial placements; return how many rules were seen broken."""
    oracle, broken = Oracle(instance), 0
    for partial in (False, True, True):
        host_of = random_placement(rng, instance, partial=partial).host_of
        for rule in instance.rules:
            judge = RuleJudge(instance, rule)
            expected = oracle.amount(rule, host_of.tolist())
            assert judge.amount(host_of) == expected
            assert bool(judge.explain(host_of)) == bool(expected)
            outside = np.ones(instance.vm_count, dtype=np.bool_)
            outside[judge.members] = False
            others = np.where(outside, rng.integers(-1, instance.host_count, instance.vm_count), host_of)
            assert judge.amount(others) == expected
            broken += expected > 0
    return broken


@pytest.mark.parametrize("kind", RULES)
def test_judge_agrees_with_plain_reading(kind: str) -> None:
    """Two independent readings of each rule give the same amount, and only members matter."""
    assert sum(_agrees(*case) for case in _random_cases(range(12), rules=[kind], vms=6, hosts=4)) > 0


@pytest.mark.campaign
@pytest.mark.parametrize("kind", RULES)
def test_judge_agrees_with_plain_reading_campaign(kind: str) -> None:
    """The same on 400 instances per rule."""
    assert sum(_agrees(*case) for case in _random_cases(range(1000, 1400), rules=[kind], vms=7, hosts=5)) > 100
