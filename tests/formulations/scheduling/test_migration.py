"""Migration questions: durations by the pre-copy model, shares of bandwidth, links, and what is refused at birth."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pytest

from formulations import VM, Cell, Host, InputError, Instance, Placement, Resource
from formulations.rules import AtMostMoves, Ignore, Spread
from formulations.scheduling.migration import (
    Link,
    MigrationQuestion,
    PreCopy,
    Step,
    Transfer,
    bypasses_in,
    stops_in,
)
from formulations.scheduling.precopy import transfer


def question(**settings: Any) -> MigrationQuestion:
    """Return two VMs that go from one rack of two hosts to another."""
    instance = Instance(
        resources=[Resource(name="memory", unit="GB")],
        vms=[VM(name="a", resources={"memory": 8}, dirty_rate=0.5, boot_seconds=1.5), VM(name="b", resources={})],
        hosts=[
            Host(name=f"h{n}", capacity={"memory": 20}, rack="ab"[n // 2], migration_bandwidth=4 if n else None)
            for n in range(4)
        ],
        rules=[Spread(vms=["a", "b"]), AtMostMoves(most=2)],
    )
    current, target = settings.pop("current", [0, 1]), settings.pop("target", [2, 3])
    return MigrationQuestion(
        instance, Placement(np.array(current)), Placement(np.array(target)), **{"bandwidth": 2, **settings}
    )


def test_pre_copy_by_hand() -> None:
    """8 GB at 1 GB/s, rewritten at 0.25 GB/s: 8 s, 2 s, 0.5 s, and 125 ms at a standstill."""
    found = transfer(Fraction(8), Fraction(1, 4), Fraction(1), PreCopy(downtime=300))
    assert found == Transfer(duration=10_625, downtime=125, rounds=3, converged=True)


def test_pre_copy_that_does_not_converge_says_so() -> None:
    """What is rewritten faster than it is sent never ends: all rounds, then all of the memory at a standstill."""
    found = transfer(Fraction(8), Fraction(2), Fraction(1), PreCopy(rounds=5))
    assert found == Transfer(duration=48_000, downtime=8_000, rounds=5, converged=False)


def test_pre_copy_is_the_sum_of_its_rounds() -> None:
    """On random figures duration and downtime are those of the rounds, added up one by one and rounded up."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        memory, rate, bandwidth = (Fraction(int(n), 7) for n in rng.integers(1, 100, size=3))
        precopy = PreCopy(rounds=int(rng.integers(1, 9)), downtime=int(rng.integers(0, 2000)))
        found = transfer(memory, rate, bandwidth, precopy)
        seconds, rest = Fraction(0), memory
        for _ in range(found.rounds):
            seconds += rest / bandwidth
            rest = min(memory, rate * rest / bandwidth)
        assert found.duration == ceil((seconds + rest / bandwidth) * 1000)
        assert found.downtime == ceil(rest / bandwidth * 1000)
        assert found.converged == (rest / bandwidth * 1000 <= precopy.downtime)
        assert found.converged or found.rounds == precopy.rounds


def test_the_rate_is_the_least_share_on_the_way() -> None:
    """Host shares, the default, an override and links: the narrowest decides."""
    assert question().rate(0, 2) == 1  # the default of h0 over two migrations
    assert question().rate(1, 2) == 2
    assert question(per_host=4).rate(1, 2) == 1
    assert question(host_limits={"rack:b": 1}).rate(1, 2) == 2
    assert question(host_limits={"h2": 8}).rate(1, 2) == Fraction(1, 2)
    uplink = Link("uplink", ("rack:a",), bandwidth=3, most=4)
    assert question(links=(uplink,)).rate(1, 2) == Fraction(3, 4)
    assert question(links=(uplink,)).rate(2, 3) == 2


def test_a_link_carries_as_many_as_its_bandwidth_does() -> None:
    """A link that states bandwidth only carries the fastest host's migrations at full pace, but always one."""
    assert question(links=(Link("x", ("h0",), bandwidth=7), Link("y", ("h0",), bandwidth=1))).link_limits == (3, 1)


def test_links_join_two_sets_or_one_and_the_rest() -> None:
    """Both directions count; moves inside one end do not."""
    links = (Link("up", ("rack:a",), most=1), Link("pair", ("h0",), ("h2",), most=1))
    asked = question(links=links)
    assert asked.links_between(0, 2) == asked.links_between(2, 0) == (0, 1)
    assert asked.links_between(1, 3) == (0,)
    assert asked.links_between(0, 1) == asked.links_between(2, 3) == ()


def test_durations_of_steps() -> None:
    """A move takes pre-copy, a start the boot time, a stop nothing; a VM without memory moves at once."""
    asked = question()
    assert asked.duration("move", 0, 0, 2) == asked.transfer(0, 0, 2).duration == 15_750
    assert asked.duration("start", 0, -1, 2) == 1500
    assert asked.duration("stop", 0, 0, -1) == 0
    assert asked.duration("move", 1, 1, 3) == 1


def test_rules_about_the_target_do_not_bind_on_the_way() -> None:
    """`at_most_moves` speaks of the target; others bind at the end only when that is said."""
    asked, late = question(), question(at_end_only=(0,))
    assert [type(rule) for rule in asked.rules_on_the_way] == [Spread]
    assert [type(rule) for rule in asked.rules_at_the_end] == [AtMostMoves]
    assert late.rules_on_the_way == ()


def test_what_counts_as_a_bypass_or_stop() -> None:
    """Bypasses are the moves beyond the one that a VM needs, stops those of VMs that run in the end."""
    asked = question(current=[0, 1], target=[2, 1])
    direct = (Step(0, "move", 0, 2, 0, 1),)
    around = (Step(0, "move", 0, 3, 0, 1), Step(0, "move", 3, 2, 1, 2))
    out_and_back = (*direct, Step(1, "move", 1, 3, 0, 1), Step(1, "move", 3, 1, 1, 2))
    cold = (Step(0, "stop", 0, -1, 0, 0), Step(0, "start", -1, 2, 0, 1))
    assert [bypasses_in(asked, steps) for steps in (direct, around, out_and_back, cold)] == [0, 1, 2, 0]
    assert [stops_in(asked, steps) for steps in (direct, around, out_and_back, cold)] == [0, 0, 0, 1]
    leaving = question(current=[0, 1], target=[2, -1])
    assert stops_in(leaving, (Step(1, "stop", 1, -1, 0, 0),)) == 0


def test_towards_starts_where_the_instance_says() -> None:
    """The current placement of a question may come from the instance; VMs that are off run nowhere."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="a", resources={}, host="x"), VM(name="b", resources={}, host="x", power="off")],
        hosts=[Host(name="x"), Host(name="y")],
    )
    asked = MigrationQuestion.towards(instance, Placement.from_names(instance, {"a": "y"}))
    assert asked.here.tolist() == [0, -1]
    assert asked.changing.tolist() == [0]


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"per_host": 0}, "per_host"),
        ({"per_cluster": 0}, "per_cluster"),
        ({"host_limits": {"h0": 0}}, "host_limits.h0"),
        ({"host_limits": {"nobody": 1}}, "host_limits"),
        ({"bandwidth": None}, "bandwidth"),
        ({"bandwidth": 0}, "hosts[0].migration_bandwidth"),
        ({"at_end_only": (7,)}, "at_end_only"),
        ({"bypass_hosts": ("nobody",)}, "bypass_hosts"),
        ({"current": [0, 9]}, "current.b"),
        ({"target": [0]}, "target.host_of"),
        ({"links": (Link("x", ("nobody",), most=1),)}, "links.x.one"),
    ],
)
def test_inconsistent_questions_are_refused_by_field(settings: dict[str, Any], path: str) -> None:
    """Illegal questions cannot exist, and the message names the field."""
    with pytest.raises(InputError) as caught:
        question(**settings)
    assert caught.value.path.startswith(path)


@pytest.mark.parametrize("fields", [{}, {"bandwidth": 0}, {"most": 0}])
def test_inconsistent_links_are_refused(fields: dict[str, Any]) -> None:
    """A link must limit something, and by something positive."""
    with pytest.raises(InputError):
        Link("x", ("h0",), **fields)


@pytest.mark.parametrize("fields", [{"rounds": 0}, {"rounds": 10**6}, {"downtime": -1}])
def test_inconsistent_pre_copy_is_refused(fields: dict[str, Any]) -> None:
    """Rounds and downtime must make sense."""
    with pytest.raises(InputError):
        PreCopy(**fields)


def test_ignored_and_off_vms_have_no_target_of_their_own() -> None:
    """Whoever is not placewright's business cannot be asked to move."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="a", resources={}, host="x"), VM(name="b", resources={}, power="off")],
        hosts=[Host(name="x"), Host(name="y")],
        rules=[Ignore(vms=["a"])],
    )
    with pytest.raises(InputError, match="is ignored and does not move"):
        MigrationQuestion.towards(instance, Placement.from_names(instance, {"a": "y"}))
    with pytest.raises(InputError, match="is off or ignored, but has a host"):
        MigrationQuestion.towards(instance, Placement.from_names(instance, {"a": "x", "b": "y"}))


def test_cells_are_given_for_both_placements_and_fit() -> None:
    """NUMA cells of one placement alone, or the wrong number of them, mean nothing."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="a", resources={"cpu": 1}, numa=2)],
        hosts=[Host(name="x", cells=[Cell(capacity={"cpu": 4})] * 3)],
    )
    good, short = Placement(np.array([0]), cells=np.array([3])), Placement(np.array([0]), cells=np.array([1]))
    assert MigrationQuestion(instance, good, Placement(np.array([0]), cells=np.array([6]))).changing.tolist() == [0]
    for target in (Placement(np.array([0])), short):
        with pytest.raises(InputError) as caught:
            MigrationQuestion(instance, good, target)
        assert "cells" in caught.value.path
