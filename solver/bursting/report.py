"""Burst reports: per host and overall, how likely the burst fits and how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import expm1, log1p, prod

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from solver.bursting.odds import Odds, at_most, clopper_pearson, exact_odds, sampled_successes
from solver.bursting.rooms import Room, room_of


class Method(StrEnum):
    """How a probability is known."""

    CERTAIN = "certain"
    """No burst is drawn: all fit together, or not even the reservations do."""
    EXACT = "exact"
    """By convolution over every possible sum of bursts."""
    SAMPLED = "sampled"
    """By seeded sampling, with a confidence interval."""


@dataclass(frozen=True)
class HostBurst:
    """How likely the bursts of one host fit.

    Attributes
    ----------
    host : str
    members : int
        How many of its VMs may burst.
    tolerated : int
        Any so many of them may burst at once; -1 if not even the reservations fit.
    guaranteed : float
        The probability that at most ``tolerated`` burst: a bound from below on ``probability``.
        What Bertsimas and Sim's proposition 2 gives for bursts that only go up.
    probability : float
        That the bursts fit on every resource (and in every NUMA cell) at once.
    risk : float
        Its complement, with digits of its own when it is small.
    low, high : float
        Of the confidence interval when sampled, otherwise the probability.
    method : Method
    """

    host: str
    members: int
    tolerated: int
    guaranteed: float
    probability: float
    risk: float
    low: float
    high: float
    method: Method


@dataclass(frozen=True)
class BurstReport:
    """How likely the bursts of all hosts fit; hosts are independent of one another.

    Attributes
    ----------
    hosts : tuple of HostBurst
        Hosts in use, in order.
    probability, risk : float
        That the bursts fit on every host, and its complement.
    low, high : float
        Interval for the probability at the stated confidence; both equal it when nothing is sampled.
    method : Method
        ``SAMPLED`` if any host's is, else ``EXACT`` if any host's is.
    confidence : float
        Of the intervals.
    samples : int
        Draws per sampled host.
    seed : int
    """

    hosts: tuple[HostBurst, ...]
    probability: float
    risk: float
    low: float
    high: float
    method: Method
    confidence: float
    samples: int
    seed: int


def burst_report(
    instance: Instance,
    placement: Placement,
    *,
    everyone: bool = False,
    samples: int = 100_000,
    seed: int = 0,
    confidence: float = 0.99,
    most_states: int = 200_000,
) -> BurstReport:
    """Return the probability that bursts fit, for VMs that burst independently of one another.

    A VM that bursts goes from its reservation (under partial isolation, from its floor) to its
    limit in every resource at once, with its ``burst_probability``.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        With the allocation where VMs of full isolation are placed, and with the NUMA cells
        where hosts have cells.
    everyone : bool
        Whether all VMs but the fully isolated ones burst; by default those under protected
        isolation do.
    samples : int
        Draws for a host that is too large to be computed exactly.
    seed : int
        Of the draws.
    confidence : float
        Of the intervals, in (0, 1).
    most_states : int
        A host with more distinct sums of bursts than this is sampled.

    Returns
    -------
    BurstReport

    Raises
    ------
    InputError
        If the placement lacks what is needed, or an option makes no sense.
    """
    if samples < 1:
        raise InputError(f"must be at least 1, got {samples}", "samples")
    if not 0 < confidence < 1:
        raise InputError(f"must lie in (0, 1), got {confidence}", "confidence")
    rooms = {
        host: room_of(instance, placement, host, members, everyone=everyone)
        for host, members in placement.members_by_host().items()
    }
    known = {room: exact_odds(room, most_states) for room in rooms.values()}
    unknown = [room for room, odds in known.items() if odds is None]
    drawn = {room: sampled_successes(room, samples, seed, stream) for stream, room in enumerate(unknown)}
    hosts = []
    for host, room in rooms.items():
        odds = known[room] or _estimate(drawn[room], samples)
        low, high = _interval(room, drawn, samples, confidence, odds)
        hosts.append(_host_burst(instance.host_names.name(host), room, odds, (low, high), sampled=room in drawn))
    spread = 1 - (1 - confidence) / max(1, len(drawn))
    ends = [_interval(room, drawn, samples, spread, known[room]) for room in rooms.values()]
    return BurstReport(
        hosts=tuple(hosts),
        probability=prod(own.probability for own in hosts),
        risk=_union(tuple(own.risk for own in hosts)),
        low=prod(low for low, _ in ends),
        high=prod(high for _, high in ends),
        method=_weakest({own.method for own in hosts}),
        confidence=confidence,
        samples=samples,
        seed=seed,
    )


def _estimate(successes: int, samples: int) -> Odds:
    return Odds(successes / samples, (samples - successes) / samples)


def _interval(
    room: Room, drawn: dict[Room, int], samples: int, confidence: float, odds: Odds | None
) -> tuple[float, float]:
    if room in drawn:
        return clopper_pearson(drawn[room], samples, confidence)
    if odds is None:
        raise AssertionError("a room is either computed or sampled")
    return odds.fits, odds.fits


def _host_burst(name: str, room: Room, odds: Odds, ends: tuple[float, float], *, sampled: bool) -> HostBurst:
    tolerated = room.tolerated()
    certain = not sampled and (odds.fits == 0 or odds.fails == 0)
    return HostBurst(
        host=name,
        members=room.members,
        tolerated=tolerated,
        guaranteed=at_most(room, tolerated),
        probability=odds.fits,
        risk=odds.fails,
        low=ends[0],
        high=ends[1],
        method=Method.SAMPLED if sampled else Method.CERTAIN if certain else Method.EXACT,
    )


def _union(risks: tuple[float, ...]) -> float:
    """Return the probability that any of independent failures happens."""
    if any(risk >= 1 for risk in risks):
        return 1.0
    return 0.0 - expm1(sum(log1p(-risk) for risk in risks))


def _weakest(methods: set[Method]) -> Method:
    for method in (Method.SAMPLED, Method.EXACT):
        if method in methods:
            return method
    return Method.CERTAIN
