"""Whole mixes near a fractional one: rounded up or filled up by greed, and trimmed."""

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.bounds.host_mix.rows import Floats, Rows


def rounded_up(costs: Integers, rows: Rows, upper: Integers, numbers: Floats) -> Integers | None:
    """Return the mix of all numbers rounded up, trimmed; None if it fails a cut."""
    mix: Integers = np.minimum(np.ceil(numbers - 1e-6).astype(np.int64), upper)
    return trimmed(costs, rows, mix) if _short(rows, mix).max(initial=0) <= 0 else None


def filled_up(costs: Integers, rows: Rows, upper: Integers, numbers: Floats) -> Integers | None:
    """Return the mix of all numbers rounded down and filled up by the best value for money; None if none is found."""
    mix: Integers = np.minimum(np.floor(numbers + 1e-6).astype(np.int64), upper)
    values = rows.values[: rows.cuts]
    while (short := np.maximum(_short(rows, mix), 0)).any():
        served = (np.minimum(values, short[:, None]) / np.maximum(short, 1)[:, None]).sum(axis=0)
        worth = np.where(mix < upper, served, 0.0) / np.maximum(costs, 0.5)
        best = int(worth.argmax())
        if worth[best] <= 0:
            return None
        mix[best] += _times(values[:, best], short, int(upper[best] - mix[best]))
    return trimmed(costs, rows, mix)


def trimmed(costs: Integers, rows: Rows, mix: Integers) -> Integers:
    """Return a mix without the bins that it can do without, the dearest first."""
    mix = mix.copy()
    values = rows.values[: rows.cuts]
    spare = -_short(rows, mix)
    while (needless := (mix > 0) & (values <= spare[:, None]).all(axis=0)).any():
        k = int(np.where(needless, costs, -1).argmax())
        held = np.flatnonzero(values[:, k])
        free = min([int(mix[k]), *(spare[held] // values[held, k]).tolist()])
        mix[k] -= free
        spare -= free * values[:, k]
    return mix


def _short(rows: Rows, mix: Integers) -> Integers:
    """Return what a mix lacks in every cut."""
    short: Integers = rows.least[: rows.cuts] - rows.values[: rows.cuts] @ mix
    return short


def _times(values: Integers, short: Integers, left: int) -> int:
    """Return how often a type may be added before it is worth less: one short row after the other is filled."""
    helps = (values > 0) & (short > 0)
    return max(1, min(left, int((short[helps] // values[helps]).min())))
