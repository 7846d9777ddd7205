"""Pricing: for every host type the filling of all its cells that is worth most, exactly in integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.cell_packing import CellPacking
from formulations.errors import UnsupportedError
from formulations.tables import Integers

MOST_ROOMS = 400_000
"""Tables of more rooms than this would take too long to fill again and again."""

MOST_WORK = 200_000_000
"""Rooms times host types and cells, looked at in every round."""


@dataclass(frozen=True)
class Priced:
    """The best filling of each host type.

    Attributes
    ----------
    values : int64 array, shape (types,)
        What it is worth; no filling is worth more.
    patterns : int64 array, shape (types, cells, flavours)
        VMs in each cell; one that spans is counted in the first cell only.
    """

    values: Integers
    patterns: Integers


class CellPricer:
    """Finds the best fillings for given weights of the flavours.

    VMs in one cell are a knapsack per cell, VMs that span all cells take the same of each: two tables over all
    rooms that a cell may have answer for every host type at once.

    Parameters
    ----------
    packing : CellPacking

    Raises
    ------
    UnsupportedError
        If sizes have no common step that makes the tables small.
    """

    def __init__(self, packing: CellPacking) -> None:
        self.packing = packing
        held = packing.demand @ packing.sizes
        cells = np.minimum(packing.cells, held)  # more room than all VMs need is of no use
        shape = cells.max(axis=(0, 1), initial=0)
        rooms = int(np.prod(shape.astype(np.float64) + 1.0))
        if rooms > MOST_ROOMS or rooms * cells.shape[0] * cells.shape[1] > MOST_WORK:
            raise UnsupportedError("cells: sizes are too finely divided for tables over all rooms")
        strides = np.cumprod(np.append(1, (shape + 1)[:0:-1]))[::-1].astype(np.int64)
        self._shape = shape.astype(np.int64)
        self._cells: Integers = np.ascontiguousarray(cells @ strides)
        self._least: Integers = np.ascontiguousarray(cells.min(axis=1))
        self._offsets: Integers = packing.sizes @ strides
        self._groups = [np.flatnonzero(~packing.spans), np.flatnonzero(packing.spans)]
        self._rooms: Integers | None = None

    def price(self, weights: Integers) -> Priced:
        """Return the best filling of every type under integer weights, shape (flavours,)."""
        from solver.engines.cells import kernels  # noqa: PLC0415 - numba is imported when it is needed

        if self._rooms is None:
            self._rooms = kernels.lattice(self._shape)
        rooms, packing = self._rooms, self.packing
        tables: list[tuple[Integers, Integers, Integers, Integers]] = []
        for group in self._groups:
            value: Integers = np.zeros(len(rooms), dtype=np.int64)
            taken: Integers = np.zeros((len(group), len(rooms)), dtype=np.int64)
            sizes, offsets = np.ascontiguousarray(packing.sizes[group]), np.ascontiguousarray(self._offsets[group])
            kernels.fill_rooms(sizes, offsets, weights[group], packing.demand[group], rooms, value, taken)
            tables.append((group, value, taken, offsets))
        best: Integers = np.zeros((len(self._cells), 2), dtype=np.int64)
        kernels.fill_hosts(self._cells, self._least, tables[0][1], tables[1][1], rooms, best)
        return Priced(best[:, 0].copy(), self._patterns(best[:, 1], tables))

    def _patterns(self, shared: Integers, tables: list[tuple[Integers, Integers, Integers, Integers]]) -> Integers:
        """Return the fillings behind the values: shape (types, cells, flavours)."""
        from solver.engines.cells import kernels  # noqa: PLC0415 - numba is imported when it is needed

        types, cells = self._cells.shape
        patterns: Integers = np.zeros((types, cells, len(self.packing.demand)), dtype=np.int64)
        for k in range(types):
            for cell in range(-1, cells):
                group, _, taken, offsets = tables[1 if cell < 0 else 0]
                room = int(shared[k]) if cell < 0 else int(self._cells[k, cell] - shared[k])
                counts: Integers = np.zeros(len(group), dtype=np.int64)
                kernels.read_back(room, offsets, taken, counts)
                patterns[k, max(cell, 0), group] += counts
        return patterns
