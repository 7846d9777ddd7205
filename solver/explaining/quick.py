"""Quick reasons: necessary conditions for a placement, checked in exact integers without a solver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from formulations.instance import Instance
from solver.explaining.contradicting import contradictions
from solver.explaining.crowding import crowded_rules
from solver.explaining.facts import Fact, atoms, relaxed
from solver.explaining.gathering import ungatherable
from solver.explaining.irreducible import quickxplain
from solver.explaining.nowhere import homeless
from solver.explaining.openings import Finding, Openings
from solver.explaining.scarcity import shortages
from solver.explaining.statements import Facts
from solver.result import Reason

Check = Callable[[Openings], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (shortages, homeless, contradictions, crowded_rules, ungatherable)
"""In the order in which people want to hear of them."""

MOST_FINDINGS = 10


def quick_findings(instance: Instance, most: int = MOST_FINDINGS) -> list[Finding]:
    """Return what certainly leaves no placement; nothing when these checks see no reason.

    Parameters
    ----------
    instance : Instance
    most : int
        Stop after that many.
    """
    openings, found = Openings(instance), list[Finding]()
    for check in CHECKS:
        for finding in check(openings):
            found.append(finding)
            if len(found) >= most:
                return found
    return found


def hopeless(instance: Instance) -> bool:
    """Return whether a quick check proves that there is no placement."""
    return bool(quick_findings(instance, most=1))


def quick_reasons(instance: Instance) -> tuple[Reason, ...]:
    """Return reasons why there certainly is no placement, without a solver.

    The facts of each reason conflict (proved); none can be spared as far as these checks see.
    An empty tuple says nothing.
    """
    facts = frozenset(Facts(instance))

    def conflicting(kept: Sequence[Fact]) -> bool:
        return hopeless(relaxed(instance, facts - atoms(kept)))

    reasons: dict[tuple[str, ...], Reason] = {}
    for finding in quick_findings(instance):
        needed: Sequence[Fact] = finding.facts
        if conflicting(finding.facts):
            needed = quickxplain(conflicting, [], finding.facts, len(finding.facts))
        texts = tuple(fact.text for fact in needed)
        reasons.setdefault(texts, Reason(finding.message, texts))
    return tuple(reasons.values())
