"""Ways out: the cheapest changes that make an infeasible instance feasible, each solved again.

Sets of facts to change are searched by number, as in R. Reiter, A theory of diagnosis from first
principles, Artificial Intelligence 32, 1987, doi:10.1016/0004-3702(87)90062-2: each must hit
every conflict.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from formulations.instance import Instance
from solver.explaining.conflict import Conflict, minimal_conflict
from solver.explaining.draft import Draft
from solver.explaining.facts import Fact, atoms
from solver.explaining.remedies import Remedy, remedies_of
from solver.explaining.verdicts import Verdicts

ENOUGH = 2
"""Sets of more facts are tried only until there are that many ways out."""

MOST_CHANGES = 3
"""No way out changes more facts than this."""

MOST_WAYS = 8


@dataclass(frozen=True)
class Way:
    """A verified way out.

    Attributes
    ----------
    prices : tuple of int
        Of its changes, the dearest first: ways are compared by it.
    text : str
    changed : Instance
        What the oracle found a placement of.
    """

    prices: tuple[int, ...]
    text: str
    changed: Instance


def ways_out(verdicts: Verdicts, conflicts: Sequence[Conflict]) -> tuple[Way, ...]:
    """Return changes that make the instance feasible, the simplest and cheapest first.

    Each was verified: the oracle found a placement of the changed instance. Amounts are the
    smallest that the oracle confirms in the steps of the input's own figures.

    Parameters
    ----------
    verdicts : Verdicts
        With the time that may be spent.
    conflicts : sequence of Conflict
        Those known.
    """
    ways: list[Way] = []
    size = 0
    for correction in corrections(verdicts, conflicts):
        if len(correction) > size and len(ways) >= ENOUGH:
            break
        size = len(correction)
        ways += ways_by(verdicts, correction)
    ways.sort(key=lambda way: (len(way.prices), way.prices))
    return tuple({way.text: way for way in ways}.values())[:MOST_WAYS]


def corrections(verdicts: Verdicts, conflicts: Sequence[Conflict]) -> Iterator[tuple[Fact, ...]]:
    """Yield minimal sets of facts that, relaxed, leave a placement: the smallest sets first."""
    known = list(conflicts)
    done: list[frozenset[Fact]] = []
    queue: deque[tuple[Fact, ...]] = deque([()])
    seen: set[frozenset[Fact]] = set()
    while queue and not verdicts.over:
        relaxed = queue.popleft()
        gone = atoms(relaxed)
        if gone in seen or any(earlier <= gone for earlier in done):
            continue
        seen.add(gone)
        conflict = next((c for c in known if not atoms(c.facts) & gone), None)
        if conflict is None and relaxed and verdicts.conflicting(verdicts.all - gone) is False:
            done.append(gone)
            yield relaxed
            continue
        if conflict is None and (conflict := minimal_conflict(verdicts, relaxed)) is not None:
            known.append(conflict)
        if conflict is not None and len(relaxed) < MOST_CHANGES:
            queue.extend((*relaxed, fact) for fact in conflict.facts)


def ways_by(verdicts: Verdicts, correction: Sequence[Fact]) -> list[Way]:
    """Return the practical and verified ways that change exactly these facts."""
    if len(correction) > 1:
        combined = _combined(verdicts, correction)
        return [] if combined is None else [combined]
    measured = ((remedy, measure(verdicts, remedy)) for remedy in remedies_of(verdicts.instance, correction[0]))
    return [_way(verdicts, [(remedy, amount)]) for remedy, amount in measured if amount is not None]


def _combined(verdicts: Verdicts, correction: Sequence[Fact]) -> Way | None:
    """Return a way for several facts: a remedy for each in turn, while those to come are relaxed."""
    chosen: list[tuple[Remedy, int]] = []
    for position, fact in enumerate(correction):
        for remedy in sorted(remedies_of(verdicts.instance, fact), key=lambda remedy: remedy.price):
            amount = measure(verdicts, remedy, _drafted(verdicts, chosen, correction[position + 1 :]))
            if amount is not None:
                chosen.append((remedy, amount))
                break
        else:
            return None
    return _way(verdicts, chosen)


def _way(verdicts: Verdicts, chosen: Sequence[tuple[Remedy, int]]) -> Way:
    prices = sorted((int(remedy.price) for remedy, _ in chosen), reverse=True)
    text = " and ".join(remedy.say(amount) for remedy, amount in chosen)
    return Way(tuple(prices), text, _drafted(verdicts, chosen, ()).instance())


def _drafted(verdicts: Verdicts, chosen: Sequence[tuple[Remedy, int]], relaxed: Sequence[Fact]) -> Draft:
    draft = Draft(verdicts.instance)
    for remedy, amount in chosen:
        remedy.apply(draft, amount)
    for fact in relaxed:
        fact.relax(draft)
    return draft


def measure(verdicts: Verdicts, remedy: Remedy, start: Draft | None = None) -> int | None:
    """Return the smallest amount of a remedy with which the oracle finds a placement; None if none helps.

    Doubles from the hint until the amount helps, then halves the interval. When time runs out
    the smallest amount confirmed so far stands.

    Parameters
    ----------
    verdicts : Verdicts
    remedy : Remedy
    start : Draft, optional
        Other changes, made before.
    """

    def helps(amount: int) -> bool:
        draft = Draft(verdicts.instance) if start is None else start.copy()
        remedy.apply(draft, amount)
        return verdicts.possible(draft) is True

    too_little, enough = 0, remedy.hint
    while not helps(enough):
        if enough >= remedy.most or verdicts.over:
            return None
        too_little, enough = enough, min(2 * enough, remedy.most)
    while enough - too_little > 1 and not verdicts.over:
        middle = (too_little + enough) // 2
        too_little, enough = (too_little, middle) if helps(middle) else (middle, enough)
    return enough
