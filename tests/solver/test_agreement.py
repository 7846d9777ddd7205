"""The assignment model, by CBC and by HiGHS, against brute force: every rule, level and isolation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agreement import assert_solvers_agree, seeds
from tests.strategies import MODES, RULES, TERMS, everything, random_instance

BLOCK = 50
BLOCKS = 6
EVERYDAY = 2

FEATURES = ("numa", "maintenance", "overcommit", "unlimited", "ignored", "off", "transient")


def _check(name: str, count: int, start: int, **knobs: Any) -> None:
    for rng in seeds(name, count, start):
        assert_solvers_agree(random_instance(rng, **knobs))


@pytest.mark.parametrize("hard", [True, False], ids=["hard", "soft"])
@pytest.mark.parametrize("rule", RULES)
def test_rule_sample(rule: str, hard: bool) -> None:
    """Each rule's encoding says what its judge and the brute force say."""
    _check(rule, EVERYDAY, 0, rules=[rule], hard=hard)


@pytest.mark.parametrize("term", TERMS)
def test_term_sample(term: str) -> None:
    """Each objective term's expression has the optimum of brute force."""
    _check(term, EVERYDAY, 0, terms=[term], allow_unplaced=True if term == "unplaced" else None)


@pytest.mark.parametrize("mode", MODES)
def test_isolation_sample(mode: str) -> None:
    """Each isolation level admits exactly the placements that brute force admits."""
    _check(mode, EVERYDAY, 0, isolation=[mode], elastic=True)


@pytest.mark.parametrize("feature", FEATURES)
def test_feature_sample(feature: str) -> None:
    """Each special feature of VMs and hosts means the same to model and brute force."""
    _check(feature, EVERYDAY, 0, **{feature: True})


def test_everything_sample() -> None:
    """Features agree in combination, too."""
    for rng in seeds("everything", 12):
        assert_solvers_agree(everything(rng))


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("hard", [True, False], ids=["hard", "soft"])
@pytest.mark.parametrize("rule", RULES)
def test_rule_campaign(rule: str, hard: bool, block: int) -> None:
    """300 instances for each rule, hard and soft."""
    _check(rule, BLOCK, block * BLOCK, rules=[rule], hard=hard)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("term", TERMS)
def test_term_campaign(term: str, block: int) -> None:
    """300 instances for each objective term."""
    _check(term, BLOCK, block * BLOCK, terms=[term], allow_unplaced=True if term == "unplaced" else None)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("mode", MODES)
def test_isolation_campaign(mode: str, block: int) -> None:
    """300 instances for each isolation level."""
    _check(mode, BLOCK, block * BLOCK, isolation=[mode], elastic=True)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("feature", FEATURES)
def test_feature_campaign(feature: str, block: int) -> None:
    """300 instances for each special feature."""
    _check(feature, BLOCK, block * BLOCK, **{feature: True})


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(2 * BLOCKS))
def test_everything_campaign(block: int) -> None:
    """600 instances in which everything may appear at once."""
    for rng in seeds("everything", BLOCK, block * BLOCK):
        assert_solvers_agree(everything(rng))
