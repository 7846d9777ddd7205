"""Results as documents: names and units instead of numbers and quanta."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.machines import MOST_CELLS
from formulations.placement import Placement
from formulations.quantities import json_number
from formulations.resources import Scale
from formulations.tables import distinct_rows
from solver.inventories.collection import uncollected
from solver.inventories.documents import IncumbentDocument, LevelDocument, ReasonDocument, ResultDocument
from solver.result import Result

Integers = NDArray[np.int64]


def document(result: Result) -> ResultDocument:
    """Return a result as plain data with names and units.

    Figures that are whole become integers, others the nearest floats; `read_placement`
    restores allocations from them exactly.
    """
    with uncollected():
        return _document(result)


def _document(result: Result) -> ResultDocument:
    headline = result.headline
    return ResultDocument(
        status=result.status.value,
        objective=_number(result.objective),
        bound=_number(result.bound),
        gap=result.gap,
        unit="" if headline is None else headline.unit,
        seconds=round(result.seconds, 6),
        hosts_used=result.hosts_used,
        levels=_levels(result),
        reasons=[
            ReasonDocument(message=reason.message, facts=list(reason.facts), ways_out=list(reason.ways_out))
            for reason in result.reasons
        ],
        trace=[
            IncumbentDocument(
                seconds=round(line.seconds, 6), found_by=line.found_by, values=[json_number(v) for v in line.values]
            )
            for line in result.trace
        ],
        warnings=list(result.warnings),
        interrupted=result.interrupted,
        failed=result.failed,
        instance=result.instance.name,
        settings=dict(result.settings),
        versions=dict(result.versions),
        **_placed(result.instance, result.placement),
    )


def _number(value: Fraction | None) -> float | None:
    return None if value is None else json_number(value)


def _levels(result: Result) -> list[LevelDocument]:
    return [
        LevelDocument(
            name=level.name,
            unit=level.unit,
            value=json_number(level.value),
            bound=_number(level.bound),
            gap=level.gap,
            proved_by=level.proved_by,
        )
        for level in result.levels
    ]


def _placed(instance: Instance, placement: Placement | None) -> dict[str, Any]:
    if placement is None:
        return {}
    placed: dict[str, Any] = {"placement": placement.named(instance)}
    names = list(placed["placement"])
    if placement.allocation is not None:
        placed["allocation"] = _allocation(instance, placement, placement.allocation, names)
    if placement.cells is not None and placement.cells.any():
        placed["cells"] = _cells(placement.cells, names)
    return placed


def _allocation(
    instance: Instance, placement: Placement, allocation: Integers, names: list[str]
) -> dict[str, dict[str, float]]:
    """Return what every placed VM gets; equal rows are one object, as a million VMs have few different ones."""
    placed = np.flatnonzero(placement.placed)
    distinct, which = distinct_rows(allocation[placed])
    columns = [_figures(distinct[:, r], scale) for r, scale in enumerate(instance.tables.scales)]
    resources = instance.tables.resource_names
    rows = np.empty(len(distinct), dtype=object)
    rows[:] = [dict(zip(resources, row, strict=True)) for row in zip(*columns, strict=True)]
    chosen = names if len(placed) == len(names) else [names[vm] for vm in placed.tolist()]
    return dict(zip(chosen, rows[which].tolist(), strict=True))


def _figures(column: Integers, scale: Scale) -> list[float]:
    """Return quanta as numbers in the resource's unit; each distinct figure is computed once."""
    distinct, which = np.unique(column, return_inverse=True)
    figures = np.empty(len(distinct), dtype=object)
    figures[:] = [json_number(scale.value(integer)) for integer in distinct.tolist()]
    spelled: list[float] = figures[which].tolist()
    return spelled


def _cells(masks: Integers, names: list[str]) -> dict[str, list[int]]:
    bits = {mask: [cell for cell in range(MOST_CELLS) if mask >> cell & 1] for mask in np.unique(masks).tolist()}
    return {names[vm]: bits[mask] for vm, mask in enumerate(masks.tolist()) if mask}
