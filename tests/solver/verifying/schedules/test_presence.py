"""The worst that VMs under way can do to a rule, held against every choice of ends."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from formulations import VM, Host, Instance, Resource
from formulations.rules import AtLeastDomains, AtMostOn, AtMostPerHost, Gather, Rule, Split, Spread
from formulations.tables import Integers
from solver.verifying import RuleJudge
from solver.verifying.schedules.presence import Presence
from tests.strategies import RULES, random_instance


def every_choice(instance: Instance, rule: Rule, first: Integers, second: Integers) -> int:
    """Return the largest amount broken over all choices; of `at_most_on`, with every VM at both ends."""
    if isinstance(rule, AtMostOn):
        used = set(np.concatenate([first, second]).tolist()) & set(instance.hosts_called(rule.hosts).tolist())
        return max(0, len(used) - rule.most)
    judge = RuleJudge(instance, rule)
    ends = [sorted({a, b}) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    return max(judge.amount(np.array(hosts, dtype=np.int64)) for hosts in product(*ends))


def random_ends(rng: np.random.Generator, instance: Instance) -> tuple[Integers, Integers]:
    """Return where VMs are and where they go; some run nowhere, some rest."""
    first = rng.integers(-1, instance.host_count, size=instance.vm_count)
    first[~instance.wanted] = -1
    second = np.where(rng.random(instance.vm_count) < 0.6, rng.integers(0, instance.host_count, len(first)), first)
    return first, np.where((first < 0) | ~instance.ruled, first, second)


@pytest.mark.parametrize("kind", RULES)
def test_the_worst_is_that_of_every_choice(kind: str) -> None:
    """On small cases the figure is exact for every rule: that of trying all choices of ends."""
    rng = np.random.default_rng(7)
    amounts = set()
    for _ in range(40):
        instance = random_instance(rng, vms=6, hosts=4, rules=(kind,), hard=True, ignored=bool(rng.random() < 0.2))
        first, second = random_ends(rng, instance)
        rule = instance.rules[0]
        worst = Presence(instance, rule).worst(first, second)
        assert worst.least == worst.most == every_choice(instance, rule, first, second)
        amounts.add(worst.most)
    assert len(amounts) > 1


@pytest.mark.parametrize(
    "rule",
    [
        Spread(vms=["*"]),
        Gather(vms=["*"], level="rack"),
        AtLeastDomains(vms=["*"], least=9, level="host"),
        AtMostPerHost(vms=["*"], most=2),
        Split(groups=[["v-1", "v-2", "v-3", "v-4"], ["v-5", "v-6", "v-7", "v-8", "v-9"]]),
    ],
)
def test_with_many_under_way_the_figures_enclose_the_worst(rule: Rule) -> None:
    """Where there are too many choices to try, what is known is still true: between the two figures."""
    rng = np.random.default_rng(11)
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="v", count=13, resources={})],
        hosts=[Host(name=f"h{n}", rack=f"r{n % 3}") for n in range(7)],
        rules=[rule],
    )
    for _ in range(3):
        first = rng.integers(0, instance.host_count, instance.vm_count)
        second = (first + rng.integers(1, instance.host_count, instance.vm_count)) % instance.host_count
        second[2:5] = first[2:5]  # a few rest, so that every choice can still be tried
        worst = Presence(instance, rule).worst(first, second)
        assert worst.least <= every_choice(instance, rule, first, second) <= worst.most
