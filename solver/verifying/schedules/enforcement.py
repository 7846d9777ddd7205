"""Checks of enforcement settings: what they say when read back, against the placement they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from fractions import Fraction

import numpy as np

from formulations.instance import Instance
from formulations.placement import Placement
from formulations.quantities import exact, plain
from formulations.scheduling.enforcement import Enforce, Reading, Steps
from formulations.tables import NO_LIMIT
from solver.verifying.occupants import Occupants
from solver.verifying.verdict import Violation


class SettingsFault(StrEnum):
    """What can be wrong with enforcement settings."""

    WHERE = "where"
    """A VM or a host that the placement does not have there."""
    FIGURE = "figure"
    """A figure that is not what the solution says."""
    SUM = "sum"
    """More is promised than a host has."""
    PROCESSORS = "processors"
    """Processors or NUMA cells that are not the VM's, or not its alone."""
    WEIGHT = "weight"
    """Too little for a reservation when all want everything."""


Figures = tuple[Fraction | None, Fraction | None]
"""Reservation and limit."""


class SettingsJudge:
    """Holds what settings say when they are read back against the solution that they come from.

    Every figure must be what the solution says, or less by under one step of the system; what is
    promised on a host must fit it; processors of pinned VMs must be theirs alone, and as many as
    their slices; where weights divide contended cpu time, everyone must get its reservation.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        With an allocation.
    resources : (int or None, int or None)
        The positions of cpu and memory among the instance's resources.
    enforce : Enforce
    """

    def __init__(
        self,
        instance: Instance,
        placement: Placement,
        resources: tuple[int | None, int | None],
        enforce: Enforce = Enforce.LIMIT,
    ) -> None:
        self.instance = instance
        self.placement = placement
        self.resources = resources
        self.enforce = enforce
        self.occupants = Occupants(instance, placement.host_of)
        self.members = np.bincount(self.occupants.host, minlength=instance.host_count)

    def faults(
        self, readings: Sequence[Reading], steps: Steps, cores_per_unit: Fraction | None = None
    ) -> Iterator[Violation]:
        """Yield what is wrong with the settings of VMs of one host; nothing if they are right.

        Parameters
        ----------
        readings : sequence of Reading
            Of any VMs, each once.
        steps : Steps
            Of the system that they were written for.
        cores_per_unit : Fraction, optional
            Of the unit of cpu, where it is known: a VM cannot use more cores than it has vCPUs.
        """
        check = _Check(self, steps, cores_per_unit)
        for reading in readings:
            yield from check.one(reading)
        yield from check.host(readings)


class _Check:
    """What is to be expected on one host, from the instance and the placement alone."""

    def __init__(self, judge: SettingsJudge, steps: Steps, cores_per_unit: Fraction | None) -> None:
        self.instance = judge.instance
        self.placement = judge.placement
        self.resources = judge.resources
        self.enforce = judge.enforce
        self.occupants = judge.occupants
        self.members = judge.members
        self.steps = steps
        self.cores_per_unit = cores_per_unit

    def row(self, name: str) -> int | None:
        """Return the row of a VM among the occupants; None if it is no placed VM."""
        found = self.instance.vm_names.find(name)
        if found is None or len(found) != 1 or self.placement.host_of[found[0]] < 0:
            return None
        return int(np.searchsorted(self.occupants.vm, found[0]))

    def one(self, reading: Reading) -> Iterator[Violation]:
        """Yield what is wrong with the settings of one VM."""
        row = self.row(reading.vm)
        if row is None:
            yield _of_vm(SettingsFault.WHERE, reading, "is no placed VM")
            return
        if (there := self.instance.host_names.name(int(self.occupants.host[row]))) != reading.host:
            yield _of_vm(SettingsFault.WHERE, reading, f"is set up on {reading.host}, but placed on {there}")
            return
        pinned = bool(self.occupants.pinned[row]) and self._slice(row) is not None
        if not pinned:  # its processors bound it
            figures = (reading.cpu_reserved, reading.cpu_limit)
            yield from self._figures(reading, row, "cpu", figures, self.steps.cpu)
        figures = (reading.memory_reserved, reading.memory_limit)
        yield from self._figures(reading, row, "memory", figures, self.steps.memory)
        if pinned and reading.cpus is not None and len(reading.cpus) != self._slice(row):
            slices = f"is pinned to {len(reading.cpus)} processors; its slice is {self._slice(row)}"
            yield _of_vm(SettingsFault.PROCESSORS, reading, slices)
        if reading.cells is not None and reading.cells != self._cells(row):
            places = f"is set up in cells {sorted(reading.cells)}, but placed in {sorted(self._cells(row))}"
            yield _of_vm(SettingsFault.PROCESSORS, reading, places)

    def _figures(self, reading: Reading, row: int, what: str, figures: Figures, step: Fraction) -> Iterator[Violation]:
        r = self.resources[what == "memory"]
        expected = self._expected(row, r, cpu=what == "cpu")
        unit = "" if r is None else self.instance.resources[r].unit
        for kind, said, wanted in zip(("reserved", "limit"), figures, expected, strict=True):
            stated = f"{what}_{kind}" in self.steps.states
            if said is None and wanted is not None and stated:
                missing = f"has no {what} {kind}: expected {plain(wanted)}"
                yield _of_vm(SettingsFault.FIGURE, reading, missing, wanted, unit)
            elif said is not None and (wanted is None or not 0 <= wanted - said < step):
                spelled = "none" if wanted is None else plain(wanted)
                wrong = f"has {what} {kind} {plain(said)}: expected {spelled}"
                yield _of_vm(SettingsFault.FIGURE, reading, wrong, abs(said - (wanted or 0)), unit)

    def _expected(self, row: int, r: int | None, *, cpu: bool) -> Figures:
        """Return reservation and limit in the instance's unit; None for what needs no figure."""
        if r is None:
            return None, None
        upper = int(self.instance.tables.upper[self.occupants.entry[row], r])
        if upper == 0:
            return None, None
        scale = self.instance.tables.scales[r]
        name = scale.resource.name
        ratio = exact(self.instance.hosts[int(self.occupants.host_entry[row])].overcommit.get(name, 1))
        given = scale.value(self._given(row, r)) / ratio
        reserved: Fraction
        limit: Fraction | None
        if self.occupants.full[row] or self.enforce is Enforce.ALLOCATION:
            reserved, limit = given, given
        else:
            reserved = scale.value(int(self.occupants.floor[row, r])) / ratio
            limit = None if upper == NO_LIMIT else scale.value(upper)
        vcpus = self.instance.vms[int(self.occupants.entry[row])].vcpus
        if cpu and vcpus is not None and self.cores_per_unit is not None:
            most = vcpus / self.cores_per_unit
            return min(reserved, most), None if limit is None else min(limit, most)
        return reserved, limit

    def _given(self, row: int, r: int) -> int:
        return 0 if self.placement.allocation is None else int(self.placement.allocation[self.occupants.vm[row], r])

    def _slice(self, row: int) -> int | None:
        """Return how many processors a pinned VM has; None where cores are not stated."""
        cpu, entry = self.instance.tables.cpu, int(self.occupants.host_entry[row])
        core = int(self.instance.tables.core[entry])
        if cpu is None or not core:
            return None
        host = self.instance.hosts[entry]
        threads = Fraction(1)
        if self.cores_per_unit is not None and host.cores and self.resources[0] is not None:
            processors = host.physical(self.instance.resources[self.resources[0]].name) * self.cores_per_unit
            threads = max(Fraction(1), processors / host.cores)
        return self._given(row, cpu) // core * (int(threads) if threads.denominator == 1 else 1)

    def _cells(self, row: int) -> frozenset[int]:
        mask = 0 if self.placement.cells is None else int(self.placement.cells[self.occupants.vm[row]])
        return frozenset(cell for cell in range(mask.bit_length()) if mask >> cell & 1)

    def host(self, readings: Sequence[Reading]) -> Iterator[Violation]:
        """Yield what does not fit the host."""
        rows = {reading.vm: row for reading in readings if (row := self.row(reading.vm)) is not None}
        if not rows:
            return
        readings = [reading for reading in readings if reading.vm in rows]
        first = next(iter(rows.values()))
        entry, name = int(self.occupants.host_entry[first]), readings[0].host
        for r, what in zip(self.resources, ("cpu", "memory"), strict=True):
            if r is not None:
                yield from self._sums(name, entry, r, what, readings)
        yield from self._alone(readings, rows)
        yield from self._contended(readings, rows, entry)

    def _sums(self, name: str, entry: int, r: int, what: str, readings: Sequence[Reading]) -> Iterator[Violation]:
        resource, host = self.instance.resources[r].name, self.instance.hosts[entry]
        room = host.usable(resource) / exact(host.overcommit.get(resource, 1))
        kinds = ("reserved", "limit") if self.enforce is Enforce.ALLOCATION else ("reserved",)
        for kind in kinds:
            figures = [getattr(reading, f"{what}_{kind}") for reading in readings if not self._is_pinned(reading, what)]
            total = sum((figure for figure in figures if figure is not None), Fraction(0))
            if total > room:
                message = f"{resource} of {name}: {plain(total)} {kind} of {plain(room)}"
                unit = self.instance.resources[r].unit
                yield Violation(SettingsFault.SUM, (name, resource), total - room, unit, message)

    def _is_pinned(self, reading: Reading, what: str) -> bool:
        row = self.row(reading.vm)
        return what == "cpu" and row is not None and bool(self.occupants.pinned[row])

    def _alone(self, readings: Sequence[Reading], rows: dict[str, int]) -> Iterator[Violation]:
        """Yield who may run on the processors of a pinned VM."""
        owner: dict[int, str] = {}
        for reading in readings:
            if reading.vm in rows and self.occupants.pinned[rows[reading.vm]]:
                for cpu in reading.cpus or ():
                    if owner.setdefault(cpu, reading.vm) != reading.vm:
                        yield _of_vm(SettingsFault.PROCESSORS, reading, f"owns processor {cpu}, as {owner[cpu]} does")
        if not owner:
            return
        for reading in readings:
            if reading.vm in rows and not self.occupants.pinned[rows[reading.vm]] and reading.cpu_weight is not None:
                shared = set(owner) if reading.cpus is None else set(owner) & reading.cpus
                for cpu in sorted(shared)[:1]:
                    yield _of_vm(
                        SettingsFault.PROCESSORS, reading, f"may run on processor {cpu}, which {owner[cpu]} owns"
                    )

    def _contended(self, readings: Sequence[Reading], rows: dict[str, int], entry: int) -> Iterator[Violation]:
        """Yield whose weight gives it less than its reservation when all want everything.

        Weights are whole numbers from 1 or 2 on: what rounding moves is allowed for.
        """
        r = self.resources[0]
        weighed = [one for one in readings if one.cpu_weight is not None and not self._is_pinned(one, "cpu")]
        everyone = int(self.members[self.occupants.host[next(iter(rows.values()))]])
        if r is None or len(readings) < everyone:
            return  # the weights of the others are not known
        resource, host = self.instance.resources[r].name, self.instance.hosts[entry]
        room = host.usable(resource) / exact(host.overcommit.get(resource, 1)) - self._owned(rows.values(), r, entry)
        total = sum(one.cpu_weight or 0 for one in weighed) - 2 * len(weighed)
        for one in weighed if total > 0 else ():
            reserved, _ = self._expected(rows[one.vm], r, cpu=True)
            most = room * (Fraction(one.cpu_weight or 0) + Fraction(1, 2)) / total
            if reserved is not None and most < reserved:
                message = f"gets {plain(most)} of cpu under contention: reserved {plain(reserved)}"
                unit = self.instance.resources[r].unit
                yield _of_vm(SettingsFault.WEIGHT, one, message, reserved - most, unit)

    def _owned(self, rows: Iterable[int], r: int, entry: int) -> Fraction:
        scale, host = self.instance.tables.scales[r], self.instance.hosts[entry]
        ratio = exact(host.overcommit.get(scale.resource.name, 1))
        mine = [row for row in rows if self.occupants.pinned[row]]
        return sum((scale.value(self._given(row, r)) / ratio for row in mine), Fraction(0))


def _of_vm(
    kind: SettingsFault, reading: Reading, message: str, amount: Fraction | None = None, unit: str = ""
) -> Violation:
    said = f"{reading.vm} on {reading.host} {message}"
    return Violation(kind, (reading.vm, reading.host), Fraction(1) if amount is None else amount, unit, said)
