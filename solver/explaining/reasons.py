"""Reasons: from an infeasible instance to the facts that conflict and the ways out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from formulations.instance import Instance
from solver.deadline import Deadline
from solver.explaining.conflict import Conflict, minimal_conflict, reduced
from solver.explaining.escapes import ways_out
from solver.explaining.facts import atoms
from solver.explaining.quick import quick_findings
from solver.explaining.verdicts import Feasible, Verdicts
from solver.result import Reason

log = logging.getLogger("placewright")

CONFLICT_SHARE = 0.5
"""So much of the time may go into finding conflicts; the rest is for ways out."""

MOST_NAMED = 3


@dataclass(frozen=True)
class Explained:
    """A conflict and the sentence that tells of it."""

    message: str
    conflict: Conflict


def explain(instance: Instance, *, feasible: Feasible, deadline: Deadline) -> tuple[Reason, ...]:
    """Return why an instance has no placement, and the cheapest ways out.

    Quick necessary conditions answer first; their facts are reduced to minimal sets. Only where
    they see nothing is a minimal conflict searched with the oracle.

    Parameters
    ----------
    instance : Instance
        Known to have no placement; for one that has, the answer is empty.
    feasible : callable
        The oracle: whether an instance has a placement, None when not decided by the deadline it
        is given. Its objective is immaterial.
    deadline : Deadline
        For everything together.

    Returns
    -------
    tuple of Reason
        Facts of each reason are a minimal conflict: with all other facts relaxed they leave no
        placement, and without any one of them there is one. Where time was too short to prove
        the latter, the message says so. The ways out belong to the instance as a whole (every
        one mends all reasons); they stand with the first reason.
    """
    verdicts = Verdicts(instance, feasible, deadline.within(deadline.left * CONFLICT_SHARE))
    found = conflicts_of(verdicts)
    if not found:
        return ()
    verdicts.deadline = deadline
    ways = tuple(way.text for way in ways_out(verdicts, [each.conflict for each in found]))
    log.info("explained by %d conflicts, the oracle was asked %d times", len(found), verdicts.asked)
    reasons = [Reason(each.message, tuple(fact.text for fact in each.conflict.facts)) for each in found]
    return (Reason(reasons[0].message, reasons[0].facts, ways), *reasons[1:])


def conflicts_of(verdicts: Verdicts) -> list[Explained]:
    """Return the conflicts that quick checks see, or else one found with the oracle; none if there is a placement."""
    return list(_by_quick_findings(verdicts)) or list(_by_search(verdicts))


def _by_quick_findings(verdicts: Verdicts) -> Iterator[Explained]:
    """Yield what the quick checks find, each conflict once."""
    known: list[Conflict] = []
    for finding in quick_findings(verdicts.instance):
        facts = atoms(finding.facts)
        if any(atoms(conflict.facts) <= facts for conflict in known):
            continue
        if verdicts.conflicting(finding.facts) is True:
            conflict = reduced(verdicts, finding.facts, most_figures=0)
        else:
            conflict = Conflict(finding.facts, minimal=False)
        known.append(conflict)
        yield Explained(_honest(finding.message, conflict), conflict)


def _by_search(verdicts: Verdicts) -> Iterator[Explained]:
    """Yield a minimal conflict found with the oracle; nothing if the oracle finds a placement."""
    if verdicts.conflicting(verdicts.all) is False:
        return
    verdicts.know_conflict(verdicts.all)
    conflict = minimal_conflict(verdicts)
    if conflict is not None:
        yield Explained(_honest(_sentence(conflict), conflict), conflict)


def _sentence(conflict: Conflict) -> str:
    texts = [fact.text for fact in conflict.facts]
    if not texts:
        return "there is no placement even without rules, reservations and limits on hosts"
    if len(texts) == 1:
        return f"no placement allows {texts[0]}"
    shown = texts if len(texts) <= MOST_NAMED + 1 else [*texts[:MOST_NAMED], f"{len(texts) - MOST_NAMED} more facts"]
    return f"{', '.join(shown[:-1])} and {shown[-1]} cannot all hold"


def _honest(message: str, conflict: Conflict) -> str:
    return message if conflict.minimal else f"{message} (some of the facts may be spare: not proved minimal in time)"
