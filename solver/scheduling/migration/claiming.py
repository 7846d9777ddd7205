"""What every step of a plan claims and releases: capacities, cells, slots of hosts, links and the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from formulations.errors import UnsupportedError
from formulations.isolation import Full
from formulations.scheduling.legs import Claim, Leg, Legs, Release, Row, RowKind
from formulations.scheduling.migration import NOWHERE, MigrationQuestion, StepKind
from formulations.scheduling.steps import Hop
from formulations.tables import Integers
from solver.verifying.exact_sums import totals
from solver.verifying.occupants import Occupants

LARGEST_LOAD = 2**61


def direct_hops(question: MigrationQuestion) -> list[Hop]:
    """Return one step for every VM that is not yet as the target wants it."""
    hops = []
    for vm in question.changing.tolist():
        source, target = int(question.here[vm]), int(question.there[vm])
        kind: StepKind = "stop" if target < 0 else "start" if source < 0 else "move"
        hops.append(Hop(vm, kind, source, target, int(question.cells_there[vm])))
    return hops


class Part(NamedTuple):
    """What one hop claims and releases in one row."""

    hop: int
    claims: int
    releases: int


class RowDraft(NamedTuple):
    """A row before it is known whether it can ever bind."""

    row: Row
    parts: list[Part]

    @property
    def binding(self) -> bool:
        """Whether all claims together exceed the limit."""
        return self.row.load + sum(part.claims for part in self.parts) > self.row.limit


class Claiming:
    """Turns the hops of a question into legs.

    Parameters
    ----------
    question : MigrationQuestion
    hops : sequence of Hop
        In an order in which they can be taken one after the other, as far as one is known; the
        hops of one VM in their order.
    """

    def __init__(self, question: MigrationQuestion, hops: Sequence[Hop]) -> None:
        self.question = question
        self.instance = question.instance
        self.hops = hops
        self._entry: list[int] = self.instance.host_names.entries().tolist()
        self._vm_entry: list[int] = self.instance.vm_entry.tolist()
        self._lower: list[list[int]] = self.instance.tables.lower.tolist()
        self._core: list[int] = self.instance.tables.core.tolist()

    def legs(
        self,
        more: Sequence[RowDraft] = (),
        after: Sequence[tuple[int, int]] = (),
        following: Sequence[tuple[int, int]] = (),
    ) -> Legs:
        """Return the legs, with further rows and orders that rules ask for."""
        drafts = [draft for draft in (*self.drafts(), *more) if draft.binding]
        claims: list[list[Claim]] = [[] for _ in self.hops]
        releases: list[list[Release]] = [[] for _ in self.hops]
        for number, draft in enumerate(drafts):
            for part in draft.parts:
                if part.claims:
                    claims[part.hop].append(Claim(number, part.claims, draft.row.limit))
                if part.releases:
                    releases[part.hop].append(Release(number, part.releases))
        durations = [self.question.duration(hop.kind, hop.vm, hop.source, hop.target) for hop in self.hops]
        legs = [
            Leg(duration, tuple(claimed), tuple(released))
            for duration, claimed, released in zip(durations, claims, releases, strict=True)
        ]
        return Legs(legs, [draft.row for draft in drafts], (*self._own_order(), *after), tuple(following))

    def _own_order(self) -> Iterator[tuple[int, int]]:
        """Yield the consecutive hops of every VM."""
        last: dict[int, int] = {}
        for number, hop in enumerate(self.hops):
            if hop.vm in last:
                yield last[hop.vm], number
            last[hop.vm] = number

    def drafts(self) -> Iterator[RowDraft]:
        """Yield every row that capacities and limits make."""
        yield from self._slots()
        yield from self._capacities()
        if self.question.with_cells:
            yield from self._cells()

    # -- limits on simultaneous migrations -----------------------------------------------------

    def _slots(self) -> Iterator[RowDraft]:
        moves = [number for number, hop in enumerate(self.hops) if hop.kind == "move"]
        of_host: dict[int, list[Part]] = {}
        of_link: dict[int, list[Part]] = {}
        for number in moves:
            hop = self.hops[number]
            for host in {hop.source, hop.target}:
                of_host.setdefault(host, []).append(Part(number, 1, 1))
            for link in self.question.links_between(hop.source, hop.target):
                of_link.setdefault(link, []).append(Part(number, 1, 1))
        for host, parts in of_host.items():
            yield self._slot_row(self._host(host), int(self.question.limit_of[host]), parts)
        for link, parts in of_link.items():
            yield self._slot_row(self.question.links[link].name, self.question.link_limits[link], parts)
        if self.question.per_cluster is not None:
            yield self._slot_row("the cluster", self.question.per_cluster, [Part(number, 1, 1) for number in moves])

    def _slot_row(self, where: str, most: int, parts: list[Part]) -> RowDraft:
        return RowDraft(Row("migrations", where, RowKind.SLOTS, 0, most), parts)

    def _host(self, host: int) -> str:
        return self.instance.host_names.name(host)

    # -- capacities ------------------------------------------------------------------------------

    def _capacities(self) -> Iterator[RowDraft]:
        loads = self._loads()
        tables = self.instance.tables
        for r, resource in enumerate(self.instance.resources):
            parts: dict[int, list[Part]] = {}
            for number, hop in enumerate(self.hops):
                if hop.source == hop.target:
                    continue  # only the cells change
                if hop.target >= 0 and (claimed := self.need(hop.vm, hop.target)[r]):
                    parts.setdefault(hop.target, []).append(Part(number, claimed, 0))
                if hop.source >= 0 and (released := self.need(hop.vm, hop.source)[r]):
                    parts.setdefault(hop.source, []).append(Part(number, 0, released))
            for host, of_host in parts.items():
                capacity = int(tables.capacity[self._entry[host], r])
                row = Row(resource.name, self._host(host), RowKind.STORE, int(loads[host, r]), capacity)
                yield RowDraft(row, of_host)

    def need(self, vm: int, host: int) -> list[int]:
        """Return what a VM counts for on a host: its reservation, in whole cores where it is pinned."""
        entry = self._vm_entry[vm]
        need = self._lower[entry]
        own = self.instance.isolation_of(entry)
        cpu = self.instance.tables.cpu
        if cpu is None or not (isinstance(own, Full) and own.pinned):
            return need
        core = max(1, self._core[self._entry[host]])
        return [-(-size // core) * core if r == cpu else size for r, size in enumerate(need)]

    def _loads(self) -> Integers:
        occupants = Occupants(self.instance, self.question.here)
        columns = [totals(occupants.host, column, self.instance.host_count) for column in occupants.least.T]
        loads = np.stack(columns, axis=1)
        if loads.dtype == object or int(np.abs(loads).max(initial=0)) > LARGEST_LOAD:
            raise UnsupportedError("the loads of hosts are too large to be planned with")
        return loads

    # -- cells -----------------------------------------------------------------------------------

    def _cells(self) -> Iterator[RowDraft]:
        """Yield a row per cell and resource: a VM counts in each of its cells with its part."""
        question = self.question
        load: dict[tuple[int, int, int], int] = {}
        for vm, (host, mask) in enumerate(zip(question.here.tolist(), question.cells_here.tolist(), strict=True)):
            for key, size in self._in_cells(vm, host, mask):
                load[key] = load.get(key, 0) + size
        parts: dict[tuple[int, int, int], list[Part]] = {}
        masks = {vm: mask for vm, mask in enumerate(question.cells_here.tolist()) if mask}
        for number, hop in enumerate(self.hops):
            before, after = masks.get(hop.vm, 0), hop.cells
            both = before & after if hop.source == hop.target else 0  # in these it stays all the time
            claimed = dict(self._in_cells(hop.vm, hop.target, after, both))
            released = dict(self._in_cells(hop.vm, hop.source, before, both))
            masks[hop.vm] = after
            for key in claimed.keys() | released.keys():
                parts.setdefault(key, []).append(Part(number, claimed.get(key, 0), released.get(key, 0)))
        for (host, cell, r), of_cell in parts.items():
            capacities = self.instance.tables.cells[self._entry[host]]
            if capacities is not None and (capacity := int(capacities[cell, r])) >= 0:
                where = f"cell {cell} of {self._host(host)}"
                load_before = load.get((host, cell, r), 0)
                yield RowDraft(
                    Row(self.instance.resources[r].name, where, RowKind.STORE, load_before, capacity), of_cell
                )

    def _in_cells(self, vm: int, host: int, mask: int, but: int = 0) -> Iterator[tuple[tuple[int, int, int], int]]:
        """Yield what a VM takes in each of its cells of a host, but for some of them."""
        if host == NOWHERE or not mask:
            return
        split, counted = mask.bit_count(), mask & ~but
        for r, size in enumerate(self.need(vm, host)):
            if size:
                yield from (
                    ((host, cell, r), size // split) for cell in range(counted.bit_length()) if counted >> cell & 1
                )
