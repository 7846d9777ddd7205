"""From allocations to cores: what a quantum of cpu is worth on the hosts of an entry."""

from __future__ import annotations

from fractions import Fraction

from formulations.cores import core_counts
from formulations.errors import InputError
from formulations.machines import Host
from formulations.quantities import exact
from formulations.resources import Scale
from solver.scheduling.dispatch.refusal import RefusedError


class Conversion:
    """Turns allocations on a host into cores.

    The physical capacity stands for all cores, whatever its unit, so a core is worth
    ``capacity / cores`` of it. What VMs are given is overcommitted and divided by that ratio
    first. The hypervisor's reserve is part of the physical capacity: it stays idle on the cores.
    Where the NUMA cells list the resource, each cell converts by its own figures.

    Parameters
    ----------
    host : Host
    scale : Scale
        Of the resource that is core time.

    Attributes
    ----------
    cores : tuple of int
        How many cores each NUMA cell has; of a host without cells, the host.

    Raises
    ------
    RefusedError
        If the host's cores are not known cell by cell.
    """

    def __init__(self, host: Host, scale: Scale) -> None:
        self._host = host
        self._scale = scale
        self._resource = scale.resource.name
        self.cores = self._cell_cores()
        self._worth = self._cores_per_quantum()

    def core_time(self, given: int, cell: int, parts: int) -> Fraction:
        """Return the cores that one of ``parts`` equal parts of an allocation is worth in a cell.

        Raises
        ------
        RefusedError
            If the cell has nothing of the resource.
        """
        worth = self._worth[cell]
        if worth is None:
            where = f"cell {cell} of {self._host.name}" if self._host.cells else self._host.name
            raise RefusedError(f"{where} has no {self._resource} to run anybody", proved=True)
        return given * worth / parts

    def _cell_cores(self) -> tuple[int, ...]:
        try:
            return core_counts(self._host, self._scale.resource)
        except InputError as error:
            raise RefusedError(error.message, proved=False) from None

    def _cores_per_quantum(self) -> tuple[Fraction | None, ...]:
        """Return what one quantum of allocation is worth per cell; None where there is no capacity."""
        host, resource = self._host, self._resource
        ratio = exact(host.overcommit.get(resource, 1))
        cores, physical = list(self.cores), [host.physical(resource)] * len(self.cores)
        if any(resource in cell.capacity for cell in host.cells):
            physical = [exact(cell.capacity.get(resource, 0)) for cell in host.cells]
        else:
            cores = [sum(cores)] * len(cores)
        return tuple(
            self._scale.quantum * number / (capacity * ratio) if capacity else None
            for number, capacity in zip(cores, physical, strict=True)
        )
