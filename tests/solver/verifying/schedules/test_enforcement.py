"""Tests of the judge of enforcement settings: it accepts what is right and rejects every mutation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from formulations.errors import InputError, UnsupportedError
from formulations.scheduling.enforcement import Enforce, Reading
from solver.scheduling.enforcement import SYSTEMS, EnforcementSettings, enforcement_settings
from solver.verifying.schedules.enforcement import SettingsFault, SettingsJudge
from tests.solver.scheduling.enforcement.cases import cases

FIGURES = ("cpu_reserved", "cpu_limit", "memory_reserved", "memory_limit")


def judged(seeds: range, systems: Iterable[str] = SYSTEMS) -> Iterator[tuple[SettingsJudge, EnforcementSettings]]:
    """Yield settings of all systems and modes with the judge of their solution."""
    for _, instance, placement in cases(seeds):
        for system in systems:
            for mode in Enforce:
                try:
                    settings = enforcement_settings(instance, placement, system, enforce=mode, mhz_per_core=2400)
                except (InputError, UnsupportedError):
                    continue
                yield SettingsJudge(instance, placement, (0, 1), mode), settings


def kinds(judge: SettingsJudge, settings: EnforcementSettings, changed: dict[str, Reading]) -> set[str]:
    """Return the kinds of faults that the judge finds once some readings are changed."""
    found: set[str] = set()
    for host in settings.hosts:
        readings = [changed.get(one.vm, one) for one in settings.readings if one.host == host.host]
        steps = settings.system.steps(host)
        found |= {str(fault.kind) for fault in judge.faults(readings, steps, host.cores_per_unit)}
    return found


def mutations(settings: EnforcementSettings, reading: Reading) -> Iterator[tuple[Reading, set[SettingsFault]]]:
    """Yield changed readings, and the kinds of faults of which at least one must be found."""
    host = next(host for host in settings.hosts if host.host == reading.host)
    steps = settings.system.steps(host)
    pinned = next(vm.pinned for vm in host.members if vm.vm == reading.vm)
    for field in FIGURES:
        figure, step = getattr(reading, field), steps.cpu if field.startswith("cpu") else steps.memory
        if figure is not None and not (pinned and field.startswith("cpu")):
            wrong: list[Any] = [figure + step, figure - step, *([None] if field in steps.states else [])]
            for other in wrong:
                changes: dict[str, Any] = {field: other}
                yield replace(reading, **changes), {SettingsFault.FIGURE}
    yield replace(reading, host="elsewhere"), {SettingsFault.WHERE}
    yield replace(reading, vm="nobody"), {SettingsFault.WHERE}
    if reading.cells is not None:
        yield replace(reading, cells=reading.cells ^ {0}), {SettingsFault.PROCESSORS}
    if pinned and reading.cpus:
        yield replace(reading, cpus=reading.cpus - {min(reading.cpus)}), {SettingsFault.PROCESSORS}
        yield replace(reading, cpus=reading.cpus | {1000}), {SettingsFault.PROCESSORS}


def test_every_mutation_is_rejected() -> None:
    """A judge that lets one figure pass would let a defect of ours into a data centre."""
    count = 0
    for judge, settings in judged(range(500, 503)):
        assert kinds(judge, settings, {}) == set()
        for reading in settings.readings:
            for changed, expected in mutations(settings, reading):
                found = kinds(judge, settings, {reading.vm: changed})
                assert found & expected, (settings.system.name, reading, changed)
                count += 1
    assert count > 200


def test_nobody_may_run_on_the_processors_of_a_pinned_vm() -> None:
    """Isolation ends where another VM's cpuset begins to overlap."""
    count = 0
    for judge, settings in judged(range(520, 545), ["cgroup"]):
        for host in settings.hosts:
            owners = [vm for vm in host.members if vm.pinned and vm.cpus]
            others = {one.vm: one for one in settings.readings if one.host == host.host}
            for vm in host.members:
                if owners and not vm.pinned and others[vm.vm].cpu_weight is not None:
                    wide = replace(others[vm.vm], cpus=(others[vm.vm].cpus or frozenset()) | set(owners[0].cpus or ()))
                    for changed in (wide, replace(wide, cpus=None)):
                        assert SettingsFault.PROCESSORS in kinds(judge, settings, {vm.vm: changed})
                        count += 1
    assert count > 5


def test_weights_that_starve_a_reservation_are_rejected() -> None:
    """Under contention a weight of one among thousands is no reservation."""
    count = 0
    for judge, settings in judged(range(560, 580), ["cgroup"]):
        for host in settings.hosts:
            for vm in host.members:
                own = next(one for one in settings.readings if one.vm == vm.vm)
                if vm.cpu is not None and vm.cpu.reserved and not vm.pinned and len(host.members) > 1:
                    room = _room_of_others(settings, host.host, vm.vm)
                    if room > 2000:
                        found = kinds(judge, settings, {vm.vm: replace(own, cpu_weight=1)})
                        assert SettingsFault.WEIGHT in found
                        count += 1
    assert count > 5


def _room_of_others(settings: EnforcementSettings, host: str, vm: str) -> int:
    """Return the weight of the VMs that share the host's cores with one."""
    sharing = {one.vm for h in settings.hosts if h.host == host for one in h.members if not one.pinned}
    return sum(one.cpu_weight or 0 for one in settings.readings if one.vm in sharing - {vm})


def test_more_reserved_than_there_is_is_rejected() -> None:
    """Each figure may be right by itself; the sum is what a host must have."""
    for judge, settings in judged(range(600, 606), ["kubernetes"]):
        changed = {
            one.vm: replace(one, memory_reserved=(one.memory_reserved or Fraction(0)) + 10**6)
            for one in settings.readings
        }
        assert SettingsFault.SUM in kinds(judge, settings, changed)


@pytest.mark.campaign
def test_every_mutation_of_many_settings_is_rejected() -> None:
    """The same for many more placements."""
    for judge, settings in judged(range(2_000, 2_060)):
        for reading in settings.readings:
            for changed, expected in mutations(settings, reading):
                assert kinds(judge, settings, {reading.vm: changed}) & expected
