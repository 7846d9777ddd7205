"""Irreducible sets: QuickXplain, the search for a minimal conflicting part of many facts.

U. Junker, QuickXplain: Preferred Explanations and Relaxations for Over-Constrained Problems,
AAAI 2004, pages 167-172.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from solver.explaining.facts import Fact

Conflicting = Callable[[Sequence[Fact]], bool]


class TooManyError(Exception):
    """A conflict needs more members of a family than people want to read."""


def quickxplain(conflicting: Conflicting, background: Sequence[Fact], facts: Sequence[Fact], most: int) -> list[Fact]:
    """Return a minimal part of ``facts`` that conflicts with the background, which together do.

    Earlier facts are preferred: a later one is in the answer only if the conflict needs it.

    Parameters
    ----------
    conflicting : callable
        Whether facts are known to conflict; the answer conflicts even where it fails to notice,
        but then need not be minimal.
    background, facts : sequence of Fact
    most : int
        Give up on an answer with more members.

    Raises
    ------
    TooManyError
    """
    found: list[Fact] = []

    def search(settled: list[Fact], new: bool, open_facts: Sequence[Fact]) -> list[Fact]:
        if new and conflicting(settled):
            return []
        if len(open_facts) == 1:
            found.append(open_facts[0])
            if len(found) > most:
                raise TooManyError
            return [open_facts[0]]
        half = len(open_facts) // 2
        first, second = open_facts[:half], open_facts[half:]
        needed = search([*settled, *first], bool(first), second)
        return search([*settled, *needed], bool(needed), first) + needed

    if not facts or conflicting(background):
        return []
    return search(list(background), False, facts)
