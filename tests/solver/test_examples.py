"""The bundled examples: every one is a valid instance and shows what its comments say."""

from __future__ import annotations

import msgspec
import pytest
import yaml

from formulations import Bounds, InputError, Instance
from formulations.isolation import Full, Partial, Protected, Shared
from solver.examples import example_names, example_text
from solver.placing import place
from solver.result import Status


def example(name: str) -> Instance:
    """Return a bundled example as an instance."""
    return msgspec.convert(yaml.safe_load(example_text(name)), type=Instance)


@pytest.mark.parametrize("name", example_names())
def test_every_example_is_valid_and_teaches(name: str) -> None:
    """A bundled example that does not parse, or explains nothing, would mislead every newcomer."""
    instance = example(name)
    assert instance.version == 1
    assert instance.name
    assert example_text(name).startswith("# ")


def test_the_names_are_the_promised_ones() -> None:
    """Documentation and README refer to the examples by these names."""
    promised = {"conflict", "dynamic", "isolation", "reference", "reference-infeasible", "rollout", "web-shop"}
    assert promised <= set(example_names())


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """A typo gets the list, and nothing outside the folder can be read by a path in the name."""
    with pytest.raises(InputError, match=r"web-shp.*web-shop"):
        example_text("web-shp")
    with pytest.raises(InputError):
        example_text("../examples/web-shop")


def test_the_reference_demands_are_the_published_ones() -> None:
    """The reference case is quoted in the documentation: 80 of 100 cores, 160 of 100 GB."""
    instance = example("reference")
    tables = instance.tables
    expected = [scale.value(int(total)) for scale, total in zip(tables.scales, tables.demand.sum(axis=0), strict=True)]
    assert expected == [80, 160]
    assert (tables.lower * 2 == tables.demand).all()
    assert (tables.upper == tables.demand).all()
    rigid = example("reference-infeasible").tables
    assert (rigid.lower == rigid.demand).all()


def test_the_isolation_example_has_every_level() -> None:
    """It is there to show all four levels, pinning and NUMA cells in one file."""
    instance = example("isolation")
    levels = {type(instance.isolation_of(entry)) for entry in range(len(instance.vms))}
    assert levels == {Shared, Full, Partial, Protected}
    assert all(host.cells for host in instance.hosts)
    assert any(vm.numa > 1 for vm in instance.vms)


def test_the_dynamic_example_has_periods_and_ramps() -> None:
    """It is there to show demand lists and ramp limits."""
    bounds = [size for vm in example("dynamic").vms for size in vm.resources.values() if isinstance(size, Bounds)]
    assert {len(own.profile) for own in bounds} == {6}
    assert any(own.ramp is not None for own in bounds)


def test_the_conflict_example_has_forty_rules() -> None:
    """The size of the haystack is part of the promise."""
    assert len(example("conflict").rules) == 40


@pytest.mark.parametrize("name", ["web-shop", "isolation", "reference", "dynamic", "rollout"])
def test_a_feasible_example_is_solved_to_proof(name: str) -> None:
    """The first thing a newcomer runs must end with a proof, and soon."""
    result = place(example(name), seconds=60)
    assert result.status is Status.OPTIMAL
    assert all(level.optimal for level in result.levels)


def test_the_short_reference_case_is_short_by_what_its_comment_says() -> None:
    """The comment in the file quotes the answer."""
    result = place(example("reference-infeasible"), seconds=60)
    assert result.status is Status.INFEASIBLE
    assert result.reasons[0].message == "memory short by 60 GB"


def test_exactly_three_of_forty_rules_are_found_to_conflict() -> None:
    """The conflict example promises that three rules are named and 37 are not, with ways out."""
    instance = example("conflict")
    result = place(instance, seconds=60)
    assert result.status is Status.INFEASIBLE
    facts = set(result.reasons[0].facts)
    assert facts == {"gather billing, ledger", "fence billing to zone:north", "ban ledger from zone:north"}
    assert len(result.reasons[0].ways_out) >= 2
