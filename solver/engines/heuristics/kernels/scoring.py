"""Scores: how well an item suits a bin."""

# ruff: noqa: PLR0912, PLR0917 - compiled loops are long, and keywords cost them compile time

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.codes import (
    BIN_DOT,
    CHOICE,
    COSINE,
    DISTANCE,
    LEAST_LEFT,
    PERMUTATION,
    SHARE_DOT,
    SIZE,
    TIGHT_LEAST,
    TIGHT_SUM,
)
from solver.engines.heuristics.kernels.compiling import inner
from solver.engines.heuristics.kernels.measuring import TINY
from solver.engines.heuristics.records import Floats


@inner
def shares_of(room: Integers, group: int, scale: Floats, shares: Floats) -> float:
    """Fill in a room's shares of the reference capacity; return the sum of their squares."""
    squares = 0.0
    for r in range(len(scale)):
        shares[r] = room[group, r] * scale[r]
        squares += shares[r] * shares[r]
    return squares


@inner
def places_of(shares: Floats, places: Integers) -> None:
    """Fill in which place each resource takes when they are ordered by the room left, the most first."""
    for r in range(len(shares)):
        place = 0
        for other in range(len(shares)):
            if shares[other] > shares[r] or (shares[other] == shares[r] and other < r):
                place += 1
        places[r] = place


@inner
def score(
    how: int,
    window: int,
    i: int,
    relative: Floats,
    lengths: Floats,
    ranks: Integers,
    shares: Floats,
    squares: float,
    places: Integers,
    weights: Floats,
    totals: Floats,
    rooms: Floats,
) -> float:
    """Return how well an item suits a bin with some shares left; the largest is chosen."""
    value = 0.0
    resources = len(shares)
    if how <= BIN_DOT:
        for r in range(resources):
            value += weights[r] * relative[i, r] * shares[r]
        if how == COSINE:
            lengths_of_both = lengths[i] * np.sqrt(squares)
            value = value / lengths_of_both if lengths_of_both > 0.0 else 0.0
        elif how == BIN_DOT:
            value = value / squares if squares > 0.0 else 0.0
    elif how == SHARE_DOT:
        for r in range(resources):
            if totals[r] > TINY and rooms[r] > TINY:
                value += weights[r] * relative[i, r] * shares[r] / (totals[r] * rooms[r])
    elif how == DISTANCE:
        for r in range(resources):
            left = shares[r] - relative[i, r]
            value -= weights[r] * left * left
    elif how == TIGHT_SUM:
        for r in range(resources):
            if shares[r] > 0.0:
                value += weights[r] * relative[i, r] / shares[r]
    elif how == TIGHT_LEAST:
        value = np.inf
        for r in range(resources):
            if shares[r] > 0.0 and weights[r] > 0.0:
                value = min(value, weights[r] * relative[i, r] / shares[r])
        value = 0.0 if value == np.inf else value
    elif how == LEAST_LEFT:
        for r in range(resources):
            value = max(value, weights[r] * (shares[r] - relative[i, r]))
        value = -value
    elif how == SIZE:
        for r in range(resources):
            value += weights[r] * relative[i, r]
    elif how == PERMUTATION:
        for at in range(window):
            value = value * resources - places[ranks[i, at]]
    elif how == CHOICE:
        for at in range(window):
            if places[ranks[i, at]] >= window:
                value -= 1.0
    return value
