"""What a fixed schedule owes to whom, worked out anew from the placement: microseconds and whole cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate

import numpy as np

from formulations.isolation import Full
from formulations.quantities import exact
from formulations.scheduling.dispatch import DispatchQuestion
from formulations.units import CORES


class UnknownCoresError(Exception):
    """The instance does not say how many cores there are, or the placement where a VM lies."""


@dataclass(frozen=True)
class Lot:
    """A VM's vCPUs in one NUMA cell.

    Attributes
    ----------
    vm, cell : int
    vcpus : range
        Their numbers.
    time : Fraction
        Microseconds of every frame that they have together, before rounding.
    """

    vm: int
    cell: int
    vcpus: range
    time: Fraction


@dataclass
class Debts:
    """What a host's table owes.

    Attributes
    ----------
    cells : list of int
        The NUMA cell of every core.
    share : dict of (int, int) to int
        Microseconds of every frame, by VM and vCPU.
    cell_of : dict of (int, int) to int
        By VM and vCPU.
    owned : dict of (int, int) to int
        Whole cores by VM and NUMA cell.
    excess : dict of int to Fraction
        By VM the cores that it is given and cannot use.
    gangs : set of int
        The VMs whose vCPUs, several, run together.
    """

    cells: list[int]
    share: dict[tuple[int, int], int] = field(default_factory=dict)
    cell_of: dict[tuple[int, int], int] = field(default_factory=dict)
    owned: dict[tuple[int, int], int] = field(default_factory=dict)
    excess: dict[int, Fraction] = field(default_factory=dict)
    gangs: set[int] = field(default_factory=set)


class Accountant:
    """Works out what tables owe.

    Parameters
    ----------
    question : DispatchQuestion
    """

    def __init__(self, question: DispatchQuestion) -> None:
        self._question = question
        self._instance = question.instance
        self._scale = question.instance.tables.scales[question.cpu]
        self._carried: dict[tuple[int, int], Fraction] = {}

    def debts(self, host: int, vms: Sequence[int], frame: int) -> Debts:
        """Return what the table of a host owes to the VMs on it.

        Raises
        ------
        UnknownCoresError
            If that cannot be known.
        """
        entry = int(self._instance.host_names.entry_of(np.array([host], dtype=np.int64))[0])
        counts = self._core_counts(entry)
        debts = Debts([cell for cell, count in enumerate(counts) for _ in range(count)])
        waiting: dict[tuple[int, int], list[Lot]] = {}
        for vm in vms:
            lots = self._lots(vm, entry, counts, frame, debts)
            owner = vm if self._owns(vm, entry, lots, counts, debts) else -1
            for lot in lots:
                debts.cell_of.update({(vm, number): lot.cell for number in lot.vcpus})
                if vm in debts.gangs:
                    each = int(lot.time / len(lot.vcpus))
                    debts.share.update({(vm, number): each for number in lot.vcpus})
                else:
                    waiting.setdefault((owner, lot.cell), []).append(lot)
        for together in waiting.values():
            debts.share.update(_rounded(together))
        return debts

    def _core_counts(self, entry: int) -> list[int]:
        """Return the cores of each NUMA cell: as stated, as counted, or in proportion to the resource."""
        host = self._instance.hosts[entry]
        stated = [cell.cores or 0 for cell in host.cells]
        if stated and all(stated):
            if host.cores is not None and host.cores != sum(stated):
                raise UnknownCoresError
            return stated
        if host.cores is None:
            if any(stated):
                raise UnknownCoresError
            return self._counted(entry)
        if len(stated) <= 1:
            return [host.cores]
        listed = self._listed(entry)
        parts = [host.cores * part / (sum(listed) or 1) for part in listed]
        said = [own or part for own, part in zip(stated, parts, strict=True)]
        if sum(parts) != host.cores or said != parts or any(part.denominator > 1 for part in parts):
            raise UnknownCoresError
        return [int(part) for part in parts]

    def _counted(self, entry: int) -> list[int]:
        """Return the cores of each NUMA cell where the unit counts them and nobody states them."""
        worth = CORES.get(self._scale.resource.unit, Fraction(0))
        host, name = self._instance.hosts[entry], self._scale.resource.name
        if any(name in cell.capacity for cell in host.cells):
            counted = [worth * part for part in self._listed(entry)]
        elif len(host.cells) > 1:
            raise UnknownCoresError
        else:
            counted = [worth * host.physical(name)]
        if not sum(counted) or any(number.denominator > 1 for number in counted):
            raise UnknownCoresError
        return [int(number) for number in counted]

    def _listed(self, entry: int) -> list[Fraction]:
        """Return the resource of each NUMA cell."""
        return [exact(cell.capacity.get(self._scale.resource.name, 0)) for cell in self._instance.hosts[entry].cells]

    def _per_core(self, entry: int, cell: int, counts: Sequence[int]) -> Fraction:
        """Return how much allocation, in quanta, one core of a cell carries."""
        if (entry, cell) not in self._carried:
            self._carried[entry, cell] = self._carries(entry, cell, counts) / self._scale.quantum
        return self._carried[entry, cell]

    def _carries(self, entry: int, cell: int, counts: Sequence[int]) -> Fraction:
        """Return how much allocation, in the resource's unit, one core of a cell carries."""
        host, name = self._instance.hosts[entry], self._scale.resource.name
        ratio = exact(host.overcommit.get(name, 1))
        if not counts[cell]:
            return Fraction(0)
        if any(name in own.capacity for own in host.cells):
            return exact(host.cells[cell].capacity.get(name, 0)) * ratio / counts[cell]
        return host.physical(name) * ratio / sum(counts)

    def _where(self, vm: int, entry: int, counts: Sequence[int]) -> list[int]:
        if not self._instance.hosts[entry].cells:
            return [0]
        masks = self._question.placement.cells
        mask = 0 if masks is None else int(masks[vm])
        if mask <= 0 or mask >> len(counts):
            raise UnknownCoresError
        return [cell for cell in range(len(counts)) if mask >> cell & 1]

    def _lots(self, vm: int, entry: int, counts: Sequence[int], frame: int, debts: Debts) -> list[Lot]:
        """Return a VM's vCPUs cell by cell; note what it cannot use, and whether it is a gang."""
        cells = self._where(vm, entry, counts)
        carried = [self._per_core(entry, cell, counts) for cell in cells]
        if not all(carried):
            raise UnknownCoresError
        cores = [self._quanta(vm) / (per_core * len(cells)) for per_core in carried]
        number = self._instance.vms[int(self._instance.vm_entry[vm])].vcpus
        if number is None:
            number = len(cells) * max(1, -int(-max(cores) // 1))
        even = [(number + len(cells) - 1 - cell) // len(cells) for cell in range(len(cells))]
        ranges = [range(end - many, end) for end, many in zip(accumulate(even), even, strict=True)]
        usable = [min(time, Fraction(len(own))) for time, own in zip(cores, ranges, strict=True)]
        if number > 1 and self._question.together[vm]:
            debts.gangs.add(vm)
            slowest = min(time / len(own) for time, own in zip(usable, ranges, strict=True) if own)
            usable = [slowest * len(own) for own in ranges]
        if usable != cores:
            debts.excess[vm] = sum(cores, Fraction(0)) - sum(usable, Fraction(0))
        lots = zip(cells, ranges, usable, strict=True)
        return [Lot(vm, cell, own, frame * time) for cell, own, time in lots if own]

    def _quanta(self, vm: int) -> int:
        """Return what a VM is given, in quanta."""
        given = self._question.placement.allocation
        return 0 if given is None else int(given[vm, self._question.cpu])

    def _owns(self, vm: int, entry: int, lots: Sequence[Lot], counts: Sequence[int], debts: Debts) -> bool:
        """Note the whole cores that a VM owns; return whether it owns some."""
        level = self._instance.isolation_of(int(self._instance.vm_entry[vm]))
        if not isinstance(level, Full) or not (level.pinned or self._question.owners == "full"):
            return False
        quanta = self._quanta(vm)
        if quanta == 0 or not any(lot.time for lot in lots):
            return False
        cells, tables = self._where(vm, entry, counts), self._instance.tables
        for cell in cells:
            own = -int(-quanta / (self._per_core(entry, cell, counts) * len(cells)) // 1)
            if level.pinned and self._question.cpu == tables.cpu and tables.core[entry]:
                own = -int(-Fraction(quanta, int(tables.core[entry]) * len(cells)) // 1)
            if vm in debts.gangs:
                own = max([own, *(len(lot.vcpus) for lot in lots if lot.cell == cell)])
            debts.owned[vm, cell] = own
        return True


def _rounded(lots: Sequence[Lot]) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield every vCPU's whole microseconds by largest remainder among the lots, the first vCPUs getting more."""
    down = {lot.vm: int(lot.time) for lot in lots}
    spare = int(sum((lot.time for lot in lots), Fraction(0))) - sum(down.values())
    ranked = sorted(lots, key=lambda lot: (lot.time - int(lot.time), -lot.vm), reverse=True)
    up = {lot.vm for lot in ranked[:spare]}
    for lot in lots:
        time = down[lot.vm] + (lot.vm in up)
        for place, number in enumerate(lot.vcpus):
            yield (lot.vm, number), (time + len(lot.vcpus) - 1 - place) // len(lot.vcpus)
