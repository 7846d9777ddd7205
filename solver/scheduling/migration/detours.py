"""A lower bound on the makespan that holds whatever ways VMs take: each still leaves and arrives."""

from __future__ import annotations

from formulations.scheduling.migration import MigrationQuestion
from solver.scheduling.migration.bounds import MakespanBound, least_sum


def least_work(question: MigrationQuestion, stops: int) -> MakespanBound:
    """Return how long the moves keep some host busy at least, with any bypasses and so many stops.

    Every VM with another target leaves its host and arrives at the target once at least, unless it is stopped;
    the quickest way of each, over all hosts that it may visit, counts.

    Parameters
    ----------
    question : MigrationQuestion
    stops : int
        VMs that may be stopped: the longest moves of every host do not count.
    """
    best = MakespanBound(0, "nothing moves")
    names = question.instance.host_names
    for host, durations in _quickest(question).items():
        counted = sorted(durations)[: max(0, len(durations) - stops)]
        if not counted:
            continue
        slots = int(question.limit_of[host])
        value = max(counted[-1], least_sum(counted, -(-sum(counted) // slots)))
        if value > best.value:
            best = MakespanBound(value, f"migrations of {names.name(host)}")
    return best


def _quickest(question: MigrationQuestion) -> dict[int, list[int]]:
    """Return per host the least durations of the moves by which VMs leave it or arrive."""
    found: dict[int, list[int]] = {}
    via = question.bypass.nonzero()[0].tolist()
    fastest: dict[int, list[int]] = {}
    for vm in question.changing.tolist():
        source, target = int(question.here[vm]), int(question.there[vm])
        if source < 0 or target < 0:
            continue
        for host, other in {(source, target), (target, source)}:
            if host not in fastest:
                fastest[host] = _rates(question, host, via)
            ways = [*fastest[host], other]
            least = min(question.duration("move", vm, host, way) for way in ways)
            found.setdefault(host, []).append(least)
    return found


def _rates(question: MigrationQuestion, host: int, via: list[int]) -> list[int]:
    """Return one host for each different rate at which moves between it and the hosts to visit copy."""
    if question.instance.tables.memory is None:
        return []
    return list({question.rate(host, other): other for other in via if other != host}.values())
