"""Moves: what keeps a VM from another host."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.placement import Placement
from solver.verifying import verify

MOST_CELL_CHOICES = 1000
"""So many ways to lay a VM into the NUMA cells of a host are tried."""


def why_not(instance: Instance, placement: Placement, vm: int, host: int) -> tuple[str, ...]:
    """Return what forbids moving a VM to a host, everyone else staying where they are.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Where everyone is, NUMA cells included where hosts have any. Allocations do not
        matter: everyone may shrink to the floor.
    vm, host : int
        Numbers.

    Returns
    -------
    tuple of str
        One sentence per condition that does not hold after the move and did before, or that is
        broken by another amount; empty if the move is allowed. On a host with NUMA cells, for
        the choice of cells that breaks least.
    """
    here = Placement(placement.host_of, cells=placement.cells)
    before = {str(violation) for violation in verify(instance, here).violations}
    best: tuple[str, ...] | None = None
    for moved in _moved(instance, placement, vm, host):
        after = [str(violation) for violation in verify(instance, moved).violations]
        new = tuple(sentence for sentence in after if sentence not in before)
        if best is None or len(new) < len(best):
            best = new
        if not best:
            break
    return best or ()


def _moved(instance: Instance, placement: Placement, vm: int, host: int) -> Iterator[Placement]:
    """Yield the placement after the move, for every choice of the VM's cells."""
    host_of: NDArray[np.int64] = placement.host_of.copy()
    host_of[vm] = host
    cells = instance.tables.cells[int(instance.host_names.entry_of(np.array([host]))[0])]
    if all(table is None for table in instance.tables.cells):
        yield Placement(host_of)
        return
    for mask in _masks(0 if cells is None else len(cells), int(instance.tables.numa[instance.vm_entry[vm]])):
        masks = np.zeros(instance.vm_count, dtype=np.int64) if placement.cells is None else placement.cells.copy()
        masks[vm] = mask
        yield Placement(host_of, cells=masks)


def _masks(cells: int, wanted: int) -> Iterator[int]:
    """Yield the choices of so many cells as bit masks; none at all (0) where there are too few."""
    if wanted > cells:
        yield 0
        return
    for chosen in islice(combinations(range(cells), wanted), MOST_CELL_CHOICES):
        yield sum(1 << cell for cell in chosen)
