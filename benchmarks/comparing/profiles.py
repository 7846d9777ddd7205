"""Performance profiles: on what share of the instances a subject is within a factor of the best.

E. D. Dolan and J. J. Moré, Benchmarking optimization software with performance profiles,
Mathematical Programming 91, 2002, doi:10.1007/s101070100263.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.comparing.summaries import best_values, integral_share
from benchmarks.protocol import Record

Floats = NDArray[np.float64]

SMALLEST = 0.01
"""Costs below this count as this: no ratio of noise to noise."""


def seconds_to_proof(record: Record) -> float:
    """Return the seconds of a proved run, infinite for any other."""
    return record.seconds if record.proved and record.seconds is not None else float("inf")


def primal_integrals(records: Sequence[Record]) -> Callable[[Record], float]:
    """Return the measure of how soon good answers came, against the best value of all subjects."""
    best = best_values(records)
    return lambda record: integral_share(record, best) if record.verified else float("inf")


def costs_of(records: Sequence[Record], measure: Callable[[Record], float]) -> tuple[list[str], Floats]:
    """Return the subjects and what each instance costs each: the median over repeated runs.

    Only instances that every subject ran count.

    Returns
    -------
    subjects : list of str
    costs : float array, shape (instances, subjects)
        Infinite where a subject failed.
    """
    subjects = list(dict.fromkeys(record.subject for record in records))
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for record in records:
        of_instance = found.setdefault((record.family, record.instance), {})
        of_instance.setdefault(record.subject, []).append(measure(record))
    rows = [[median(runs[name]) for name in subjects] for runs in found.values() if len(runs) == len(subjects)]
    return subjects, np.array(rows, dtype=np.float64).reshape(len(rows), len(subjects))


def ratios(costs: Floats) -> Floats:
    """Return the performance ratio of every instance and subject: its cost over the best one's.

    Infinite where a subject failed, also when all did.
    """
    floored = np.maximum(costs, SMALLEST)
    best = floored.min(axis=1, keepdims=True, initial=np.inf)
    quotient = np.divide(floored, best, out=np.full_like(floored, np.inf), where=np.isfinite(floored))
    found: Floats = quotient
    return found


def profile(of_subject: Floats, factors: Floats) -> Floats:
    """Return the share of instances whose ratio is at most each of the factors: shape (factors,)."""
    if not len(of_subject):
        return np.zeros(len(factors))
    shares: Floats = (of_subject[:, None] <= factors[None, :]).mean(axis=0)
    return shares
