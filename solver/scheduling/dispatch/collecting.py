"""Collects what the VMs of each host ask of its cores, and deals out the cores that VMs own."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from math import ceil

import numpy as np

from formulations.isolation import Full
from formulations.machines import MOST_CELLS
from formulations.quantities import plain
from formulations.scheduling.dispatch import DispatchQuestion, Excess
from solver.scheduling.dispatch.conversion import Conversion
from solver.scheduling.dispatch.demand import HostDemand, Part, Zone
from solver.scheduling.dispatch.refusal import RefusedError


class Collector:
    """Collects the demand of one host after the other.

    Parameters
    ----------
    question : DispatchQuestion
    """

    def __init__(self, question: DispatchQuestion) -> None:
        self.question = question
        self._conversions: dict[int, Conversion] = {}

    def demand(self, host: int, vms: Sequence[int]) -> HostDemand:
        """Return what the VMs of a host ask of it.

        Raises
        ------
        RefusedError
            If the host's cores are not known, or the VMs ask for more than there are.
        """
        entry = int(self.question.instance.host_names.entry_of(np.array([host]))[0])
        return _Dealer(self, host, entry, vms).demand()

    def conversion(self, entry: int) -> Conversion:
        """Return the conversion of a host entry."""
        if entry not in self._conversions:
            scale = self.question.instance.tables.scales[self.question.cpu]
            self._conversions[entry] = Conversion(self.question.instance.hosts[entry], scale)
        return self._conversions[entry]

    @cached_property
    def given(self) -> list[int]:
        """What every VM is allocated, in quanta."""
        allocation = self.question.placement.allocation
        return [] if allocation is None else allocation[:, self.question.cpu].tolist()

    @cached_property
    def masks(self) -> list[int]:
        """The NUMA cells of every VM."""
        cells = self.question.placement.cells
        return [0] * len(self.given) if cells is None else cells.tolist()

    @cached_property
    def bounds(self) -> list[int]:
        """The bound on every VM's blackouts."""
        bounds: list[int] = self.question.bounds.tolist()
        return bounds

    @cached_property
    def gangs(self) -> list[bool]:
        """Which VMs are gangs."""
        gangs: list[bool] = self.question.together.tolist()
        return gangs

    @cached_property
    def entries(self) -> list[int]:
        """The entry of every VM."""
        entries: list[int] = self.question.instance.vm_entry.tolist()
        return entries


class _Dealer:
    """Deals out the cores of one host."""

    def __init__(self, collector: Collector, host: int, entry: int, vms: Sequence[int]) -> None:
        self._all = collector
        self._instance = collector.question.instance
        self._entry = entry
        self._host, self._name = host, self._instance.host_names.name(host)
        self._conversion = collector.conversion(entry)
        self._vms = list(vms)
        self._names = dict(zip(vms, self._instance.vm_names.names_of(np.array(vms, dtype=np.int64)), strict=True))
        self._excess: list[Excess] = []
        self._cells = [cell for cell, cores in enumerate(self._conversion.cores) for _ in range(cores)]
        self._owners = [-1] * len(self._cells)

    def demand(self) -> HostDemand:
        """Return the host's demand."""
        shared: list[list[Part]] = []
        zones: list[Zone] = []
        for vm in self._vms:
            parts = self._parts(vm)
            owns = self._all.question.owns_cores(self._all.entries[vm])
            if owns and any(part.cores for part in parts):
                zones += self._own_zones(vm, parts)
            else:
                shared.append(parts)
        zones += self._shared_zones(shared)
        for zone in zones:
            self._check_room(zone)
        return HostDemand(
            self._host, self._name, tuple(self._cells), tuple(self._owners), tuple(zones), tuple(self._excess)
        )

    # -- VMs -----------------------------------------------------------------------------------

    def _lies_in(self, vm: int) -> list[int]:
        if not self._instance.hosts[self._entry].cells:
            return [0]
        mask = self._all.masks[vm]
        cells = [cell for cell in range(MOST_CELLS) if mask >> cell & 1]
        if not cells or cells[-1] >= len(self._conversion.cores):
            raise RefusedError(f"in which NUMA cell of {self._name} {self._names[vm]} lies is not known", proved=False)
        return cells

    def _parts(self, vm: int) -> list[Part]:
        """Return the VM's vCPUs cell by cell, each with the core time that it can use."""
        cells = self._lies_in(vm)
        times = [self._conversion.core_time(self._all.given[vm], cell, len(cells)) for cell in cells]
        stated = self._instance.vms[self._all.entries[vm]].vcpus
        total = stated or len(cells) * max(1, *(ceil(time) for time in times))
        counts = [total // len(cells) + (position < total % len(cells)) for position in range(len(cells))]
        useful = [min(time, Fraction(count)) for time, count in zip(times, counts, strict=True)]
        if self._all.gangs[vm] and total > 1:
            rate = min(time / count for time, count in zip(useful, counts, strict=True) if count)
            useful = [rate * count for count in counts]
        if (excess := sum(times, Fraction(0)) - sum(useful)) > 0:
            self._excess.append(Excess(vm, excess))
        firsts = [sum(counts[:position]) for position in range(len(counts))]
        return [
            Part(vm, self._names[vm], cell, first, count, time, self._all.bounds[vm])
            for cell, first, count, time in zip(cells, firsts, counts, useful, strict=True)
            if count
        ]

    def _is_gang(self, parts: Sequence[Part]) -> bool:
        return self._all.gangs[parts[0].vm] and sum(part.vcpus for part in parts) > 1

    # -- cores of one's own --------------------------------------------------------------------

    def _own_zones(self, vm: int, parts: list[Part]) -> list[Zone]:
        cells = self._lies_in(vm)
        cores = {cell: self._take(cell, self._own_cores(vm, cell, cells, parts), vm) for cell in cells}
        name = f"the cores of {self._names[vm]} on {self._name}"
        if self._is_gang(parts):
            return [Zone(name, cores, (), (tuple(parts),))]
        return [Zone(name, {part.cell: cores[part.cell]}, (part,)) for part in parts]

    def _own_cores(self, vm: int, cell: int, cells: list[int], parts: list[Part]) -> int:
        """Return how many whole cores the VM owns in a cell."""
        given = self._all.given[vm]
        own = ceil(self._conversion.core_time(given, cell, len(cells)))
        isolation = self._instance.isolation_of(self._all.entries[vm])
        core = int(self._instance.tables.core[self._entry])
        if isinstance(isolation, Full) and isolation.pinned and core and self._all.question.cpu == self._cpu_role:
            own = -(-given // (core * len(cells)))
        if self._is_gang(parts):
            own = max(own, *(part.vcpus for part in parts if part.cell == cell), 0)
        return own

    @property
    def _cpu_role(self) -> int | None:
        return self._instance.tables.cpu

    def _take(self, cell: int, number: int, vm: int) -> tuple[int, ...]:
        """Give the VM so many of the cell's free cores."""
        free = self._free(cell)
        if len(free) < number:
            left = f"{len(free)} of {self._conversion.cores[cell]} are left"
            message = f"{self._where(cell)}: {self._names[vm]} owns {_cores(number)}, and {left}{self._way_out()}"
            raise RefusedError(message, proved=True)
        taken = tuple(free[:number])
        for core in taken:
            self._owners[core] = vm
        return taken

    def _way_out(self) -> str:
        """Return a hint where it is only a choice that somebody owns whole cores."""
        if self._all.question.owners != "full" or not any(map(self._could_share, self._vms)):
            return ""
        return "; fully isolated VMs that are not pinned may share cores in time (owners: pinned)"

    def _could_share(self, vm: int) -> bool:
        isolation = self._instance.isolation_of(self._all.entries[vm])
        return isinstance(isolation, Full) and not isolation.pinned

    def _free(self, cell: int) -> list[int]:
        return [core for core, own in enumerate(self._cells) if own == cell and self._owners[core] < 0]

    # -- shared cores --------------------------------------------------------------------------

    def _shared_zones(self, vms: list[list[Part]]) -> list[Zone]:
        """Return the zones of the VMs that share: a cell each, or several that a gang links."""
        import networkx as nx  # noqa: PLC0415 - it takes long to import

        links: nx.Graph[int] = nx.Graph()
        links.add_nodes_from(part.cell for parts in vms for part in parts)
        for parts in vms:
            if self._is_gang(parts):
                nx.add_path(links, [part.cell for part in parts])
        zones = []
        for cells in sorted(sorted(component) for component in nx.connected_components(links)):
            here = [parts for parts in vms if self._is_gang(parts) and parts[0].cell in cells]
            singles = [part for parts in vms if not self._is_gang(parts) for part in parts if part.cell in cells]
            singles.sort(key=lambda part: (part.cell, part.vm))
            cores = {cell: tuple(self._free(cell)) for cell in cells}
            name = self._where(cells[0]) if len(cells) == 1 else f"cells {cells[0]} to {cells[-1]} of {self._name}"
            zones.append(Zone(name, cores, tuple(singles), tuple(map(tuple, here))))
        return zones

    def _check_room(self, zone: Zone) -> None:
        """Refuse a zone whose VMs ask for more core time than its cores have."""
        for cell, cores in zone.cores.items():
            needed = sum((part.cores for part in zone.parts if part.cell == cell), Fraction(0))
            if needed > len(cores):
                others = self._conversion.cores[cell] - len(cores)
                owned = f" beside the {_cores(others)} that VMs own{self._way_out()}" if others else ""
                message = f"{self._where(cell)}: its VMs need {plain(needed)} cores of {len(cores)}{owned}"
                raise RefusedError(message, proved=True)

    def _where(self, cell: int) -> str:
        return f"cell {cell} of {self._name}" if len(self._conversion.cores) > 1 else self._name


def _cores(number: int) -> str:
    return f"{number} core" if number == 1 else f"{number} cores"
