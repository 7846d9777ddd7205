"""Start-up orders and dispatch tables as people read them: waves of VMs, and the cores of every host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.text import Text

from formulations.instance import Instance
from formulations.scheduling.dispatch import DispatchTable, Slice
from formulations.scheduling.startup import Wave
from solver.reporting.figures import count, figure, percent
from solver.reporting.tables import Column, stacked, table
from solver.reporting.text import COLOURS, reason_text
from solver.result import Status
from solver.scheduling.dispatch import DispatchAnswer, GangLength, Refusal
from solver.scheduling.startup import StartupResult
from solver.verifying.verdict import enumeration

Integers = NDArray[np.int64]

MOST_WAVES = 20
"""Waves shown unless all are asked for."""

MOST_HOSTS = 20

MOST_NAMES = 6
"""VMs of a wave named unless all are asked for."""


def duration(milliseconds: int) -> str:
    """Spell milliseconds: exactly below ten minutes, in hours, minutes and seconds above.

    Examples
    --------
    >>> duration(2), duration(90_000), duration(1_500), duration(7_201_000)
    ('2 ms', '90 s', '1.5 s', '2 h 0 min 1 s')
    """
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 600_000:
        return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".") + " s"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    end = f"{minutes} min {f'{rest / 1000:.3f}'.rstrip('0').rstrip('.')} s"
    return f"{hours:,} h {end}" if hours else end


def microseconds(span: int | None) -> str:
    """Spell microseconds in milliseconds, as far as they go.

    Examples
    --------
    >>> microseconds(100_000), microseconds(2_500), microseconds(7), microseconds(None)
    ('100 ms', '2.5 ms', '0.007 ms', '-')
    """
    return "-" if span is None else f"{f'{span / 1000:,.3f}'.rstrip('0').rstrip('.')} ms"


# -- start-up order ----------------------------------------------------------------------


def startup_report(result: StartupResult, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield the report of a start-up order.

    Parameters
    ----------
    result : StartupResult
    everything : bool
        Show every wave and every VM of it, however many.
    """
    yield _startup_headline(result)
    for reason in result.reasons:
        yield reason_text(reason)
    if result.order is None or not len(result.order.started):
        return
    waves = list(islice(result.order.waves(), None if everything else MOST_WAVES))
    every = len(np.unique(result.order.start[result.order.started]))
    yield table(
        [
            Column("wave", [str(number + 1) for number in range(len(waves))]),
            Column("start", [duration(wave.start) for wave in waves]),
            Column("all up", [duration(wave.end) for wave in waves]),
            Column("VMs", [f"{len(wave.vms):,}" for wave in waves]),
            Column("which", [_members(result, wave, everything=everything) for wave in waves], prose=True),
        ]
    )
    if every > len(waves):
        yield f"… and {count(every - len(waves), 'more wave')}; --all shows them"


def _startup_headline(result: StartupResult) -> Text:
    text = Text(result.status.value, style=COLOURS.get(result.status, "bold"))
    if result.order is None:
        return text.append(": there is no start-up order\n", style="not bold default")
    starts, up = (int(mask.sum()) for mask in (result.question.starts, result.question.up))
    before = f", {count(up, 'VM')} up before" if up else ""
    told = f": start-up of {count(starts, 'VM')} in {duration(result.order.makespan)}{before}\n"
    text.append(told, style="not bold default")
    if result.bound is not None and starts:
        bound = f"no order is shorter than {duration(result.bound)} ({result.proved_by}); found by {result.found_by}\n"
        text.append(bound, style="not bold default")
    return text


def _members(result: StartupResult, wave: Wave, *, everything: bool) -> str:
    """Spell the VMs of a wave: an entry by its name where all that start of it start together."""
    instance, starts = result.question.instance, result.question.starts
    entries, firsts = np.unique(instance.vm_entry[wave.vms], return_index=True)
    said: list[str] = []
    for entry, members in zip(entries.tolist(), np.split(wave.vms, firsts[1:]), strict=True):
        whole = starts[instance.vm_names.members(entry)].sum() == len(members) > 1
        name = instance.vm_names.names[entry]
        said += [f"{name} (all {len(members):,})"] if whole else instance.vm_names.names_of(members)
    return enumeration(said, len(said) if everything else MOST_NAMES)


def replay_report(found: Mapping[str, Sequence[str]]) -> Iterator[RenderableType]:
    """Yield what a checker found wrong with each part of a schedule, a sentence per line."""
    for part, sentences in found.items():
        verdict = f"rejected: {count(len(sentences), 'violation')}" if sentences else "accepted"
        yield Text(f"{part} {verdict}", style="bold red" if sentences else "bold green")
        yield from (Text(f"  {sentence}") for sentence in sentences)


# -- fixed schedule ----------------------------------------------------------------------


def dispatch_report(
    answer: DispatchAnswer, *, everything: bool = False, shown: Sequence[int] = ()
) -> Iterator[RenderableType]:
    """Yield the report of the dispatch tables.

    Parameters
    ----------
    answer : DispatchAnswer
    everything : bool
        Show every host, however many.
    shown : sequence of int
        Hosts whose tables are printed slice by slice.
    """
    yield _dispatch_headline(answer)
    refusals = answer.refusals if everything else answer.refusals[:MOST_HOSTS]
    for refusal in refusals:
        yield Text(f"  {_naming_the_host(refusal)}")
    if len(answer.refusals) > len(refusals):
        yield f"  … and {count(len(answer.refusals) - len(refusals), 'more host')}; --all shows them"
    tables = answer.tables if everything else answer.tables[:MOST_HOSTS]
    if tables:
        yield from _summary(answer.question.instance, tables, {length.host: length for length in answer.lengths})
    if len(answer.tables) > len(tables):
        yield f"… and {count(len(answer.tables) - len(tables), 'more host')}; --all shows them"
    yield from _shown(answer, shown)
    yield from _excess(answer)


def _shown(answer: DispatchAnswer, hosts: Sequence[int]) -> Iterator[RenderableType]:
    """Yield the tables of hosts slice by slice, and a word on those where there is nothing to show."""
    instance = answer.question.instance
    for one in answer.tables:
        if one.host in hosts:
            yield ""
            yield slices_table(instance, one)
    known = {one.host for one in answer.tables} | {refusal.host for refusal in answer.refusals}
    for host in hosts:
        if host not in known:
            yield f"\n{instance.host_names.name(host)} runs no VM"


def _naming_the_host(refusal: Refusal) -> str:
    """Return what a refusal says, with the host's name in front where it does not come up."""
    named = re.search(rf"(?<![\w.-]){re.escape(refusal.name)}(?![\w.-])", refusal.message)
    return refusal.message if named else f"{refusal.name}: {refusal.message}"


def _dispatch_headline(answer: DispatchAnswer) -> Text:
    text = Text(answer.status.value, style=COLOURS.get(answer.status, "bold"))
    moving = sum(one.migrating for one in answer.tables)
    vcpus = sum(len(one.vcpus) for one in answer.tables)
    told = f": dispatch tables of {count(len(answer.tables), 'host')}, {count(vcpus, 'vCPU')}, {moving:,} change core"
    if answer.refusals:
        told = f": {count(len(answer.refusals), 'host')} without a table"
        told += f", {len(answer.tables):,} with" if answer.tables else ""
    if answer.status is Status.UNKNOWN:
        told += " (none found, which proves nothing)"
    return text.append(f"{told}\n", style="not bold default")


def _summary(
    instance: Instance, tables: Sequence[DispatchTable], lengths: dict[int, GangLength]
) -> Iterator[RenderableType]:
    """Yield a line per host: its cores, how busy they are, and how smoothly its vCPUs run."""
    host = Column("host", [instance.host_names.name(one.host) for one in tables], name=True)
    columns = [
        Column("frame", [microseconds(one.frame) for one in tables]),
        Column("cores", [f"{one.cores:,}" for one in tables]),
        Column("owned", [f"{sum(owner >= 0 for owner in one.owners):,}" for one in tables]),
        Column("vCPUs", [f"{len(one.vcpus):,}" for one in tables]),
        Column("busy", [percent(1 - sum(one.idle) / (one.frame * one.cores)) for one in tables]),
        Column("moving", [f"{one.migrating:,}" for one in tables]),
        Column("longest blackout", [microseconds(one.longest_blackout) for one in tables]),
    ]
    if lengths:
        columns.append(Column("gangs done", [_gangs(lengths.get(one.host)) for one in tables]))
    return stacked([host], columns)


def _gangs(length: GangLength | None) -> str:
    if length is None or length.length is None:
        return "-"
    return microseconds(length.length) if length.optimal else f"{microseconds(length.length)} (≥ {length.bound:,} µs)"


def slices_table(instance: Instance, one: DispatchTable) -> RenderableType:
    """Return the slices of a host, a line per core: who runs there from which to which microsecond."""
    by_core = one.by_core()
    cores = range(one.cores)
    name = instance.vm_names.name
    return table(
        [
            Column(f"core of {instance.host_names.name(one.host)}", [str(core) for core in cores]),
            Column("cell", [str(one.cells[core]) for core in cores]),
            Column("owner", ["-" if one.owners[core] < 0 else name(one.owners[core]) for core in cores], name=True),
            Column("µs of every frame", [_slices(instance, by_core.get(core, ())) for core in cores], prose=True),
        ]
    )


def _slices(instance: Instance, slices: Sequence[Slice]) -> str:
    name = instance.vm_names.name
    said = [f"{piece.start:,} to {piece.end:,} {name(piece.vm)}.{piece.vcpu}" for piece in slices]
    return ", ".join(said) or "idle"


def _excess(answer: DispatchAnswer) -> Iterator[RenderableType]:
    """Say which VMs are allocated cores that their vCPUs cannot use."""
    name = answer.question.instance.vm_names.name
    found = [f"{name(own.vm)} ({figure(own.cores)})" for one in answer.tables for own in one.excess]
    if found:
        yield f"cores allocated beyond what vCPUs can use: {enumeration(found)}"
