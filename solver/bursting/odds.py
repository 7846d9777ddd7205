"""Odds: the probability that independent bursts fit, by convolution, by sampling, and bounded beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb, fsum

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from formulations.errors import InputError
from solver.bursting.rooms import BurstClass, Room

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Odds:
    """How likely bursts fit, and how likely they do not.

    Both are summed separately, so that a risk of 1e-15 keeps its digits.
    """

    fits: float
    fails: float


CERTAIN = Odds(1.0, 0.0)
HOPELESS = Odds(0.0, 1.0)


def exact_odds(room: Room, most_states: int) -> Odds | None:
    """Return the odds by convolution over the distinct sums of bursts; None beyond ``most_states`` sums.

    Sums that already fail, and sums after which all the rest fits, are set aside at once.
    All arithmetic on sizes is in integers. Probabilities are sums of products of positive
    floats, without cancellation: their relative error is below ``(members + states) * 2**-50``.
    """
    room = room.binding()
    if min(room.slack, default=0) < 0:
        return HOPELESS
    slack = np.array(room.slack, dtype=np.int64)
    sizes = np.array([own.size for own in room.classes], dtype=np.int64).reshape(len(room.classes), len(slack))
    counts = np.array([own.count for own in room.classes], dtype=np.int64)
    rest = np.cumsum((sizes * counts[:, None])[::-1], axis=0)[::-1]
    sums, weights = np.zeros((1, len(slack)), dtype=np.int64), np.ones(1)
    fits: list[float] = []
    fails: list[float] = []
    for own, remaining in zip(room.classes, rest, strict=True):
        safe = (sums + remaining <= slack).all(axis=1)
        fits.append(float(weights[safe].sum()))
        sums, weights = sums[~safe], weights[~safe]
        if len(sums) * (own.count + 1) > 4 * most_states:
            return None
        sums, weights, lost = _add_class(sums, weights, own, slack)
        fails.append(lost)
        if len(sums) > most_states:
            return None
    return Odds(min(1.0, fsum([*fits, float(weights.sum())])), min(1.0, fsum(fails)))


def _add_class(sums: Integers, weights: Floats, own: BurstClass, slack: Integers) -> tuple[Integers, Floats, float]:
    """Convolve with the number of bursts in a class; return the sums that fit and the weight of the others."""
    chances = binomial(own.count, float(own.probability))
    bursts = np.arange(own.count + 1)[:, None] * np.array(own.size, dtype=np.int64)
    sums = (sums[:, None, :] + bursts).reshape(-1, len(slack))
    weights = (weights[:, None] * chances).ravel()
    within = (sums <= slack).all(axis=1)
    lost = float(weights[~within].sum())
    return (*_merged(sums[within], weights[within]), lost)


def _merged(sums: Integers, weights: Floats) -> tuple[Integers, Floats]:
    """Add up the weights of equal sums."""
    order = np.lexsort(sums.T)
    sums, weights = sums[order], weights[order]
    fresh = np.ones(len(sums), dtype=np.bool_)
    fresh[1:] = (sums[1:] != sums[:-1]).any(axis=1)
    starts = np.flatnonzero(fresh)
    return sums[starts], np.add.reduceat(weights, starts) if len(starts) else weights


def binomial(trials: int, probability: float) -> Floats:
    """Return the probabilities of 0 … ``trials`` successes: shape (trials + 1,).

    Recursion outwards from the mode, then division by the sum: no factorial, no underflow
    where the probability matters, relative error of the order of ``trials * 2**-53``.
    """
    if probability in {0.0, 1.0}:
        certain = np.zeros(trials + 1)
        certain[-1 if probability else 0] = 1.0
        return certain
    mode = min(trials, int((trials + 1) * probability))
    successes = np.arange(trials)
    ratio = (trials - successes) / (successes + 1) * (probability / (1 - probability))
    upwards = np.cumprod(ratio[mode:])
    downwards = np.cumprod(1 / ratio[:mode][::-1])[::-1]
    weights = np.concatenate([downwards, [1.0], upwards])
    return np.asarray(weights / fsum(weights.tolist()), dtype=np.float64)


def at_most(room: Room, bursts: int) -> float:
    """Return the probability that at most so many of the VMs of a room burst."""
    counted = Room((bursts,), tuple(BurstClass((1,), own.probability, own.count) for own in room.classes))
    odds = exact_odds(counted, most_states=(room.members + 1) ** 2)
    if odds is None:
        raise AssertionError("a count of bursts has no more values than there are VMs")
    return odds.fits


def sampled_successes(room: Room, samples: int, seed: int, stream: int) -> int:
    """Return in how many of ``samples`` independent draws the bursts fit; ``stream`` tells hosts apart."""
    room = room.binding()
    generator = np.random.default_rng([seed, stream])
    slack = np.array(room.slack, dtype=np.int64)
    used = np.zeros((samples, len(slack)), dtype=np.int64)
    for own in room.classes:
        bursts = generator.binomial(own.count, float(own.probability), samples)
        used += bursts[:, None] * np.array(own.size, dtype=np.int64)
    return int((used <= slack).all(axis=1).sum())


def clopper_pearson(successes: int, samples: int, confidence: float) -> tuple[float, float]:
    """Return an interval that holds the true probability with at least this confidence.

    C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits illustrated in
    the case of the binomial, Biometrika 26(4), 1934, doi:10.1093/biomet/26.4.404.
    """
    tail = (1 - confidence) / 2
    low = float(betaincinv(successes, samples - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, samples - successes, 1 - tail)) if successes < samples else 1.0
    return low, high


def bertsimas_sim_bound(members: int, gamma: int) -> float:
    """Return the a-priori bound on the probability that a row protected for ``gamma`` deviations fails.

    It needs no distribution: deviations are independent and symmetric about the nominal value
    (here: demands that swing as far below the reservation as above it). Bursts that only go up
    are not symmetric; for these `HostBurst.guaranteed` is the bound that holds.

    D. Bertsimas and M. Sim, The Price of Robustness, Operations Research 52(1), 2004,
    theorem 3, doi:10.1287/opre.1030.0065.

    Parameters
    ----------
    members : int
        Number of uncertain coefficients.
    gamma : int
        How many of them may deviate at once, at most ``members``.

    Raises
    ------
    InputError
        If ``gamma`` is not within 0 … ``members``.
    """
    if not 0 <= gamma <= members:
        raise InputError(f"must lie in 0 … {members}, got {gamma}", "gamma")
    half, odd = divmod(gamma + members, 2)
    edge = Fraction(comb(members, half), 2 if odd else 1)
    return float((edge + sum(comb(members, k) for k in range(half + 1, members + 1))) / 2**members)
