"""Weights of resources, measures of items, and the room that bins have left."""

# ruff: noqa: PLR0917 - compiled loops are long, and keywords cost them compile time

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.codes import (
    AVERAGE,
    EXPONENTIAL,
    LARGEST,
    LOAD,
    PRODUCT,
    RECIPROCAL,
    RESIDUAL,
    SQUARES,
    SUM,
    UNIT,
    UTILISATION,
)
from solver.engines.heuristics.kernels.compiling import entry, inner
from solver.engines.heuristics.records import Bins, Floats, Stock

TINY = 1e-9
"""A total of shares below this counts as nothing: the resource is not asked for, or used up."""


@entry
def weigh(kind: int, totals: Floats, number: int, rooms: Floats, weights: Floats) -> None:
    """Fill in the weights of the resources from what so many items take in all and the room that is open."""
    for r in range(len(weights)):
        if kind == UNIT:
            weights[r] = 1.0
        elif kind == AVERAGE:
            weights[r] = totals[r] / max(number, 1)
        elif kind == EXPONENTIAL:
            weights[r] = np.exp(0.01 * totals[r] / max(number, 1))
        elif kind == RECIPROCAL:
            weights[r] = number / totals[r] if totals[r] > TINY else 0.0
        elif kind == UTILISATION:
            weights[r] = totals[r] / rooms[r] if rooms[r] > TINY else 0.0
        elif kind == RESIDUAL:
            weights[r] = 1.0 / rooms[r] if rooms[r] > TINY else 0.0


@inner
def measure(norm: int, vectors: Integers, row: int, scale: Floats, weights: Floats) -> float:
    """Return the norm of a row of integers, in weighted shares of the reference capacity."""
    value = 1.0 if norm == PRODUCT else 0.0
    for r in range(len(scale)):
        share = vectors[row, r] * scale[r]
        if norm == SUM:
            value += weights[r] * share
        elif norm == LARGEST:
            value = max(value, weights[r] * share)
        elif norm == SQUARES:
            value += weights[r] * share * share
        else:
            value *= share
    return value


@inner
def room_left(
    norm: int, room: Integers, row: int, capacities: Integers, k: int, scale: Floats, weights: Floats
) -> float:
    """Return how much room a bin has left by a norm; it never grows when items come in."""
    if norm != LOAD:
        return float(measure(norm, room, row, scale, weights))
    value = 0.0
    for r in range(len(scale)):
        share = (capacities[k, r] - room[row, r]) * scale[r]
        value += weights[r] * share * share
    return -value


@entry
def measure_all(norm: int, sizes: Integers, scale: Floats, weights: Floats, values: Floats) -> None:
    """Fill in the measure of every flavour."""
    for flavour in range(len(sizes)):
        values[flavour] = measure(norm, sizes, flavour, scale, weights)


@entry
def measure_open(first: int, end: int, norm: int, stock: Stock, weights: Floats, bins: Bins) -> None:
    """Fill in how much room the bins of some groups have left."""
    for group in range(first, end):
        bins.value[group] = room_left(norm, bins.room, group, stock.capacities, bins.kind[group], stock.scale, weights)
