"""How soon good answers come: primal gaps over time and their integral.

T. Berthold, Measuring the impact of primal heuristics, Operations Research Letters 41(6), 2013,
doi:10.1016/j.orl.2013.08.007.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocol import Moment


def primal_gap(value: float, reference: float) -> float:
    """Return the gap of a value to the best one known: 0 when equal, 1 when the signs differ."""
    if value == reference:
        return 0.0
    if value * reference < 0:
        return 1.0
    return abs(value - reference) / max(abs(value), abs(reference))


def primal_integral(trace: Sequence[Moment], reference: float, seconds: float) -> float:
    """Return the integral over time of the primal gap, in seconds.

    Before the first incumbent the gap is 1. A run that ends early keeps its last gap.

    Parameters
    ----------
    trace : sequence of (seconds, value)
        In order of time; incumbents after ``seconds`` do not count.
    reference : float
        The best value known.
    seconds : float
        How far to integrate.
    """
    integral, since, gap = 0.0, 0.0, 1.0
    for moment, value in trace:
        if moment >= seconds:
            break
        integral += gap * (max(moment, since) - since)
        since, gap = max(moment, since), primal_gap(value, reference)
    return integral + gap * (seconds - since)


def gaps_at(trace: Sequence[Moment], reference: float, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the primal gap at each of the times (ascending): shape (times,)."""
    gaps = np.array([1.0, *(primal_gap(value, reference) for _, value in trace)])
    moments = np.array([moment for moment, _ in trace])
    found: NDArray[np.float64] = gaps[np.searchsorted(moments, times, side="right")]
    return found


def first_of(trace: Sequence[Moment]) -> float | None:
    """Return when the first incumbent came."""
    return trace[0][0] if trace else None
