"""Where all VMs are between two steps of a plan, and which step is safe next."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations
from operator import gt

from formulations.scheduling.migration import NOWHERE, MigrationQuestion
from formulations.scheduling.steps import Hop
from solver.scheduling.migration.rooms import Loads, Rooms
from solver.scheduling.migration.tallies import InUse, tally_of
from solver.scheduling.migration.tally import Tally

Position = tuple[int, int]
"""A host and the NUMA cells there as a bit mask."""

GONE: Position = (NOWHERE, 0)

BYPASS = 2**50
"""One bypass outweighs any milliseconds of copying."""

STOP = 2**90
"""One stop outweighs any number of bypasses."""


class State:
    """The positions of all VMs, with what they mean for hosts and rules.

    A step is *safe* when no load of a host is afterwards, or on the way, above both its limit and
    what it was before, and no hard rule is broken more than before, wherever the VM is counted.

    Parameters
    ----------
    question : MigrationQuestion
    lenient : bool
        Measure by the current placement instead of by the state before: what was mended may break
        again as far as it was broken at first. What no lenient sequence of steps can do, no plan
        can, steps at the same time included; see docs/scheduling.md.
    """

    def __init__(self, question: MigrationQuestion, *, lenient: bool = False) -> None:
        self.question = question
        self.lenient = lenient
        self.host: list[int] = question.here.tolist()
        self.cells: list[int] = question.cells_here.tolist()
        self.goal: list[Position] = list(zip(question.there.tolist(), question.cells_there.tolist(), strict=True))
        self.rooms = Rooms(question.instance, self.host, self.cells, with_cells=question.with_cells)
        self.tallies = [tally_of(question.instance, rule) for rule in question.rules_on_the_way]
        for tally in self.tallies:
            for vm in tally.members:
                if self.host[vm] >= 0:
                    tally.put(vm, self.host[vm])
        self.first_amounts = {tally: tally.amount for tally in self.tallies}
        self._first_loads = [list(loads) for loads in self.rooms.loads] if lenient else []
        self.seen_by = [[tally for tally in self.tallies if vm in tally.members] for vm in range(len(self.host))]

    @cached_property
    def movable(self) -> list[int]:
        """The VMs that may be moved: those that rules see, ascending."""
        ruled = self.question.instance.ruled
        runs = (self.question.here >= 0) | (self.question.there >= 0)
        vms: list[int] = (ruled & runs).nonzero()[0].tolist()
        return vms

    @cached_property
    def stops(self) -> list[int]:
        """The hosts that a VM may visit on its way."""
        hosts: list[int] = self.question.bypass.nonzero()[0].tolist()
        return hosts

    def position(self, vm: int) -> Position:
        """Return where a VM is."""
        return self.host[vm], self.cells[vm]

    def arrived(self, vm: int) -> bool:
        """Whether a VM is as the target wants it."""
        return self.position(vm) == self.goal[vm]

    def pending(self) -> list[int]:
        """Return the VMs that are not yet as the target wants them."""
        return [vm for vm in self.movable if not self.arrived(vm)]

    def broken_at_first(self) -> bool:
        """Whether any load or rule is broken in the current placement (to be asked before any step)."""
        overfull = any(any(map(gt, loads, self.rooms.limits(host))) for host, loads in enumerate(self.rooms.loads))
        return overfull or any(self.first_amounts.values())

    # -- what is safe --------------------------------------------------------------------

    def allowed(self, host: int) -> Loads:
        """Return the most that a step may leave on a host."""
        before = self._first_loads[host] if self.lenient else self.rooms.loads[host]
        return [max(pair) for pair in zip(self.rooms.limits(host), before, strict=True)]

    def safe(self, vm: int, position: Position) -> bool:
        """Whether a VM may be brought to a position (``GONE``: be stopped) now."""
        target, cells = position
        if target >= 0 and target != self.host[vm] and self._refusal(vm, target):
            return False
        if self.rooms.additive and not self.lenient:
            return (target < 0 or self.rooms.fits(target, vm)) and self.unruly(vm, target) is None
        return not any(any(map(gt, loads, self.allowed(host))) for host, loads in self._loads(vm, target, cells)) and (
            self.unruly(vm, target) is None
        )

    def obstacle(self, vm: int, position: Position) -> str:
        """Return why a VM may not be brought to a position now; empty if it may."""
        target, cells = position
        if target >= 0 and target != self.host[vm] and (refusal := self._refusal(vm, target)):
            return f"{self.question.instance.host_names.name(target)} {refusal}"
        for host, loads in self._loads(vm, target, cells):
            if any(map(gt, loads, allowed := self.allowed(host))):
                return self.rooms.excess(host, loads, allowed)
        tally = self.unruly(vm, target)
        return "" if tally is None else f"the rule {tally.rule}"

    def _refusal(self, vm: int, target: int) -> str:
        return self.rooms.refusal(self.rooms.vm_entry[vm], self.rooms.host_entry[target])

    def _loads(self, vm: int, target: int, cells: int) -> Iterator[tuple[int, Loads]]:
        """Yield the loads that a step leads to: with the VM at both ends, and without it at the source."""
        source, rooms = self.host[vm], self.rooms
        if target >= 0:
            yield target, rooms.with_vm(target, vm, cells)
        if rooms.additive or source < 0:
            return
        if source == target:
            yield source, rooms.measure(source, {**rooms.members[source], vm: cells})
        else:
            yield source, rooms.without_vm(source, vm)

    def unruly(self, vm: int, target: int) -> Tally | None:
        """Return the first rule that a step would break more than before, None without one."""
        source = self.host[vm]
        if source == target:
            return None
        for tally in self.seen_by[vm]:
            allowed = self.first_amounts[tally] if self.lenient else tally.amount
            on_the_way = tally.amount_with(target) if isinstance(tally, InUse) and target >= 0 else 0
            if source >= 0:
                tally.take(vm, source)
            if target >= 0:
                tally.put(vm, target)
            amount = tally.amount
            if target >= 0:
                tally.take(vm, target)
            if source >= 0:
                tally.put(vm, source)
            if max(amount, on_the_way) > allowed:
                return tally
        return None

    # -- steps ---------------------------------------------------------------------------

    def place(self, vm: int, position: Position) -> None:
        """Bring a VM to a position, safe or not."""
        source, (target, cells) = self.host[vm], position
        if source != target:
            for tally in self.seen_by[vm]:
                if source >= 0:
                    tally.take(vm, source)
                if target >= 0:
                    tally.put(vm, target)
            if source >= 0:
                self.rooms.take(source, vm)
        if target >= 0:
            self.rooms.put(target, vm, cells)
        self.host[vm], self.cells[vm] = position

    def hop(self, vm: int, position: Position) -> Hop:
        """Return the step that brings a VM from where it is to a position."""
        source, (target, cells) = self.host[vm], position
        return Hop(vm, "stop" if target < 0 else "start" if source < 0 else "move", source, target, cells)

    def follow(self, hop: Hop) -> None:
        """Carry out a step."""
        self.place(hop.vm, (hop.target, hop.cells))

    # -- where to ------------------------------------------------------------------------

    def masks(self, vm: int, host: int) -> list[int]:
        """Return every choice of NUMA cells that a VM has on a host."""
        table = self.rooms.cells_of[self.rooms.host_entry[host]]
        if table is None:
            return [0]
        numa = self.question.instance.vms[self.rooms.vm_entry[vm]].numa
        return [sum(1 << cell for cell in chosen) for chosen in combinations(range(len(table)), numa)]

    def bypasses(self, vm: int, position: Position) -> int:
        """Return how many bypasses a step counts for; a stop counts none."""
        if position[0] < 0:
            return 0
        return int(position != self.goal[vm]) + int(self.host[vm] >= 0 and self.arrived(vm))

    def cost(self, vm: int, position: Position) -> int:
        """Return what a step costs: stops, then bypasses, then the milliseconds that bypasses copy."""
        hop = self.hop(vm, position)
        if hop.kind == "stop":
            return STOP + self.question.boot(vm) if self.goal[vm] != GONE else 0
        bypasses = self.bypasses(vm, position)
        if not bypasses:
            return 0
        return bypasses * BYPASS + self.question.duration(hop.kind, vm, hop.source, hop.target)
