"""From runs to the table of a host: slices by core, and what every vCPU gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from formulations.scheduling.dispatch import DispatchTable, Slice, VirtualCpu
from solver.scheduling.dispatch.blackout import longest_gap
from solver.scheduling.dispatch.demand import HostDemand, Part
from solver.scheduling.dispatch.strands import Run, Strand

Scheduled = tuple[Sequence[Strand], Sequence[Run]]
"""The strands of a zone and their runs."""


def table_of(demand: HostDemand, frame: int, zones: Iterable[Scheduled]) -> DispatchTable:
    """Return the table of a host from the runs of its zones."""
    slices: list[Slice] = []
    for strands, runs in zones:
        for run in runs:
            strand = strands[run.strand]
            for (_, number), core in zip(strand.vcpus, run.cores, strict=True):
                slices.append(Slice(core, run.start, run.end, strand.vm, number))
    done = _joined(sorted(slices))
    return DispatchTable(
        host=demand.host,
        frame=frame,
        cells=demand.cells,
        owners=demand.owners,
        slices=tuple(done),
        vcpus=tuple(_virtual_cpus(demand.parts, done, frame)),
        excess=demand.excess,
    )


def _joined(slices: Iterable[Slice]) -> list[Slice]:
    """Return slices with those joined that follow each other on a core."""
    done: list[Slice] = []
    for piece in slices:
        last = done[-1] if done else None
        if last is not None and (last.core, last.end, *last[3:]) == (piece.core, piece.start, *piece[3:]):
            done[-1] = last._replace(end=piece.end)
        else:
            done.append(piece)
    return done


def _virtual_cpus(parts: Iterable[Part], slices: Sequence[Slice], frame: int) -> list[VirtualCpu]:
    runs: dict[tuple[int, int], list[Slice]] = {}
    for piece in slices:
        runs.setdefault((piece.vm, piece.vcpu), []).append(piece)
    cells = {(part.vm, part.first + number): part.cell for part in parts for number in range(part.vcpus)}
    done = []
    for (vm, number), cell in sorted(cells.items()):
        own = runs.get((vm, number), [])
        share = sum(piece.end - piece.start for piece in own)
        blackout = longest_gap([(piece.start, piece.end) for piece in own], frame)
        done.append(VirtualCpu(vm, number, cell, share, blackout, len({piece.core for piece in own})))
    return done
