"""Adaptive weights: which of several operators to use next, learnt from what they gained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

REMEMBERED = 0.85
"""How much of an operator's weight is kept when it has been used."""

LEAST = 0.02
"""No weight falls below this, so that every operator is tried again."""


class AdaptiveWeights:
    """Chooses operators by roulette, with weights that follow their recent gain per effort.

    Ropke and Pisinger, An adaptive large neighborhood search heuristic for the pickup and
    delivery problem with time windows, Transportation Science 40(4), 2006,
    doi:10.1287/trsc.1050.0135.

    Parameters
    ----------
    weights : mapping of str to float
        The weights at first, by operator.
    rng : numpy.random.Generator
    """

    def __init__(self, weights: Mapping[str, float], rng: np.random.Generator) -> None:
        self.weights = dict(weights)
        self._rng = rng

    def choose(self, *without: str) -> str:
        """Return an operator, but none of these."""
        names = [name for name in self.weights if name not in without]
        weights = np.array([self.weights[name] for name in names])
        return names[int(self._rng.choice(len(names), p=weights / weights.sum()))]

    def learn(self, operator: str, gain: float, effort: float) -> None:
        """Take note of what a use of an operator gained: 1 for an improvement, and at what effort.

        Effort is in steps, not in seconds, so that the same seed makes the same choices.
        """
        fresh = gain / max(effort, 0.05)
        self.weights[operator] = max(LEAST, REMEMBERED * self.weights[operator] + (1 - REMEMBERED) * fresh)
