"""Replays dispatch tables: exact shares, one core at a time, cells, owned cores, quantum, blackouts, gangs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from formulations.scheduling.dispatch import LONGEST_FRAME, DispatchQuestion, DispatchTable, Slice, VirtualCpu
from solver.verifying.schedules.shares import Accountant, Debts, UnknownCoresError

Times = list[tuple[int, int]]


class DispatchFault(StrEnum):
    """What kind of condition a table violates."""

    HOSTS = "hosts"
    """A host in use has no table, or another one has."""
    FRAME = "frame"
    """The frame is not as long as asked."""
    CORES = "cores"
    """The cores are not those of the host, or it is not known which it has."""
    SLICE = "slice"
    """A slice speaks of what there is not, or is not where tables have it."""
    OVERLAP = "overlap"
    """Two slices of a core overlap."""
    TWICE = "twice"
    """A vCPU runs on two cores at once."""
    CELL = "cell"
    """A vCPU runs outside its NUMA cell."""
    OWNER = "owner"
    """A core that a VM owns runs another one, or the VM runs elsewhere."""
    SHARE = "share"
    """A vCPU does not get its time."""
    QUANTUM = "quantum"
    """A slice is too short."""
    BLACKOUT = "blackout"
    """A vCPU waits too long."""
    GANG = "gang"
    """The vCPUs of a gang do not run together."""
    MOVING = "moving"
    """Too many vCPUs change cores."""
    STATED = "stated"
    """A figure that the table states is false."""


@dataclass(frozen=True)
class DispatchViolation:
    """One condition that a table violates, in one sentence."""

    kind: DispatchFault
    host: str
    message: str

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.host}: {self.message}"


def check_dispatch(
    question: DispatchQuestion, tables: Sequence[DispatchTable], *, without: Collection[int] = ()
) -> tuple[DispatchViolation, ...]:
    """Replay dispatch tables, anybody's.

    Parameters
    ----------
    question : DispatchQuestion
        What they must meet.
    tables : sequence of DispatchTable
    without : collection of int
        Hosts in use that need no table.

    Returns
    -------
    tuple of DispatchViolation
        Everything found; empty for tables that hold.
    """
    members = question.placement.members_by_host()
    accountant = Accountant(question)
    name = question.instance.host_names.name
    given = Counter(table.host for table in tables)
    missing = sorted(set(members) - set(without) - set(given))
    found = [DispatchViolation(DispatchFault.HOSTS, name(host), "has no table") for host in missing]
    for table in tables:
        if table.host not in members or given[table.host] > 1:
            known = 0 <= table.host < question.instance.host_count
            called = name(table.host) if known else f"host number {table.host}"
            what = "has several tables" if table.host in members else "runs no VM and has a table"
            found.append(DispatchViolation(DispatchFault.HOSTS, called, what))
            continue
        replay = _Replay(question, accountant, table, members[table.host].tolist())
        found += (DispatchViolation(kind, name(table.host), message) for kind, message in replay.faults())
    return tuple(found)


class _Replay:
    """The replay of one table."""

    def __init__(
        self, question: DispatchQuestion, accountant: Accountant, table: DispatchTable, vms: list[int]
    ) -> None:
        self._question, self._accountant = question, accountant
        self._table, self._vms = table, vms

    def faults(self) -> Iterator[tuple[DispatchFault, str]]:
        """Yield everything that is wrong; what makes no sense ends the replay."""
        table, asked = self._table, self._question.frame
        if not 1 <= table.frame <= LONGEST_FRAME or (asked is not None and table.frame != asked):
            yield DispatchFault.FRAME, f"a frame of {table.frame:,} µs; {asked or 'another'} was asked for"
            return
        try:
            debts = self._accountant.debts(table.host, self._vms, table.frame)
        except UnknownCoresError:
            yield DispatchFault.CORES, "its cores, or who lies where, are not known"
            return
        if list(table.cells) != debts.cells or len(table.owners) != len(debts.cells):
            yield DispatchFault.CORES, f"{len(table.cells)} cores; it has {len(debts.cells)} in its cells"
            return
        broken = list(self._malformed(debts))
        yield from broken
        if broken:
            return
        times = self._times(debts)
        yield from self._overlaps()
        yield from self._places(debts)
        yield from self._owners(debts)
        for key, runs in times.items():
            yield from self._vcpu(debts, key, runs)
        yield from self._gangs(debts, times)
        yield from self._moving(debts)
        yield from self._stated(debts, times)

    def _called(self, vm: int, vcpu: int) -> str:
        return f"vCPU {vcpu} of {self._question.instance.vm_names.name(vm)}"

    # -- slices ------------------------------------------------------------------------------------

    def _malformed(self, debts: Debts) -> Iterator[tuple[DispatchFault, str]]:
        table = self._table
        for piece in table.slices:
            if not (0 <= piece.core < table.cores and 0 <= piece.start < piece.end <= table.frame):
                yield DispatchFault.SLICE, f"{tuple(piece)} is not on a core within the frame"
            elif (piece.vm, piece.vcpu) not in debts.share:
                yield DispatchFault.SLICE, f"{tuple(piece)} is of a vCPU that is not here"
        for before, after in pairwise(table.slices):
            if (after.core, after.start) < (before.core, before.start):
                yield DispatchFault.SLICE, f"{tuple(after)} stands after {tuple(before)}"
            elif _goes_on(before, after):
                yield DispatchFault.SLICE, f"{tuple(after)} goes on with {tuple(before)} and should be one with it"

    def _overlaps(self) -> Iterator[tuple[DispatchFault, str]]:
        for before, after in pairwise(self._table.slices):
            if before.core == after.core and after.start < before.end:
                yield DispatchFault.OVERLAP, f"{tuple(before)} and {tuple(after)} overlap"

    def _places(self, debts: Debts) -> Iterator[tuple[DispatchFault, str]]:
        for piece in self._table.slices:
            cell = debts.cell_of[piece.vm, piece.vcpu]
            if debts.cells[piece.core] != cell:
                called = self._called(piece.vm, piece.vcpu)
                yield DispatchFault.CELL, f"{called} lies in cell {cell} and runs on core {piece.core}"

    def _owners(self, debts: Debts) -> Iterator[tuple[DispatchFault, str]]:
        owners = self._table.owners
        owning = {vm for vm, _ in debts.owned}
        dealt = Counter((vm, debts.cells[core]) for core, vm in enumerate(owners) if vm >= 0)
        for vm, cell in sorted(set(dealt) | set(debts.owned)):
            if dealt[vm, cell] != debts.owned.get((vm, cell), 0):
                name = f"VM number {vm}" if vm not in self._vms else self._question.instance.vm_names.name(vm)
                due = debts.owned.get((vm, cell), 0)
                yield DispatchFault.OWNER, f"{name} owns {dealt[vm, cell]} cores of cell {cell} and is due {due}"
        for piece in self._table.slices:
            if owners[piece.core] != (piece.vm if piece.vm in owning else -1):
                called = self._called(piece.vm, piece.vcpu)
                yield DispatchFault.OWNER, f"{called} runs on core {piece.core}, which is not its to use"

    # -- vCPUs -------------------------------------------------------------------------------------

    def _times(self, debts: Debts) -> dict[tuple[int, int], Times]:
        times: dict[tuple[int, int], Times] = {key: [] for key in sorted(debts.share)}
        for piece in self._table.slices:
            times[piece.vm, piece.vcpu].append((piece.start, piece.end))
        for runs in times.values():
            runs.sort()
        return times

    def _vcpu(self, debts: Debts, key: tuple[int, int], runs: Times) -> Iterator[tuple[DispatchFault, str]]:
        if any(after[0] < before[1] for before, after in pairwise(runs)):
            yield DispatchFault.TWICE, f"{self._called(*key)} is on two cores at once"
        got = sum(end - start for start, end in runs)
        if got != debts.share[key]:
            due = f"{debts.share[key]:,}"
            yield DispatchFault.SHARE, f"{self._called(*key)} gets {got:,} µs in a frame and is due {due}"
        shortest = min((end - start for start, end in runs), default=self._table.frame)
        if shortest < self._question.quantum:
            yield DispatchFault.QUANTUM, f"{self._called(*key)} has a slice of {shortest:,} µs"
        bound = int(self._question.bounds[key[0]])
        if bound and ((waits := _longest_wait(runs, self._table.frame)) is None or waits > bound):
            waited = "for ever" if waits is None else f"{waits:,} µs"
            yield DispatchFault.BLACKOUT, f"{self._called(*key)} waits {waited}, and {bound:,} µs is the bound"

    def _gangs(self, debts: Debts, times: dict[tuple[int, int], Times]) -> Iterator[tuple[DispatchFault, str]]:
        for vm in sorted(debts.gangs):
            patterns = [_united(runs) for key, runs in times.items() if key[0] == vm]
            if any(pattern != patterns[0] for pattern in patterns):
                yield (
                    DispatchFault.GANG,
                    f"the vCPUs of {self._question.instance.vm_names.name(vm)} do not run together",
                )

    def _moving(self, debts: Debts) -> Iterator[tuple[DispatchFault, str]]:
        """Count who changes cores, where neither a bound nor a gang excuses it."""
        if debts.gangs or any(int(self._question.bounds[vm]) for vm in self._vms):
            return
        on: dict[tuple[int, int], set[int]] = {}
        for piece in self._table.slices:
            on.setdefault((piece.vm, piece.vcpu), set()).add(piece.core)
        movers = Counter(debts.cell_of[key] for key, cores in on.items() if len(cores) > 1)
        for cell, count in movers.items():
            if count >= debts.cells.count(cell):
                yield DispatchFault.MOVING, f"{count} vCPUs change cores in cell {cell} of {debts.cells.count(cell)}"

    def _stated(self, debts: Debts, times: dict[tuple[int, int], Times]) -> Iterator[tuple[DispatchFault, str]]:
        """Compare what the table says of itself with what the replay saw."""
        cores: dict[tuple[int, int], set[int]] = {}
        for piece in self._table.slices:
            cores.setdefault((piece.vm, piece.vcpu), set()).add(piece.core)
        seen = [
            VirtualCpu(
                *key,
                debts.cell_of[key],
                sum(end - start for start, end in runs),
                _longest_wait(runs, self._table.frame),
                len(cores.get(key, ())),
            )
            for key, runs in times.items()
        ]
        if [vcpu[:2] for vcpu in self._table.vcpus] != [vcpu[:2] for vcpu in seen]:
            yield DispatchFault.STATED, "its list of vCPUs is not that of its VMs"
            return
        for stated, true in zip(self._table.vcpus, seen, strict=True):
            if stated != true:
                called = self._called(true.vm, true.vcpu)
                yield DispatchFault.STATED, f"{called} is said to have {tuple(stated[2:])} and has {tuple(true[2:])}"
        if dict(self._table.excess) != debts.excess or len(self._table.excess) != len(debts.excess):
            yield DispatchFault.STATED, "the cores that VMs cannot use are not what it says"


def _goes_on(before: Slice, after: Slice) -> bool:
    same = (before.core, before.vm, before.vcpu) == (after.core, after.vm, after.vcpu)
    return same and before.end == after.start


def _united(runs: Times) -> Times:
    """Return ordered times with those joined that touch."""
    joined: Times = []
    for start, end in runs:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _longest_wait(runs: Times, frame: int) -> int | None:
    """Return the longest time from an end to the next beginning in frames without end; None where nothing runs."""
    if not runs:
        return None
    again = (runs[0][0] + frame, runs[0][1] + frame)
    return max(max(0, after[0] - before[1]) for before, after in pairwise([*runs, again]))
