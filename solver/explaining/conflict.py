"""Minimal conflicts: which few facts already leave no placement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from solver.explaining.facts import CapacityFact, Fact, HostCountFact, ReservationFact, atoms, together
from solver.explaining.irreducible import TooManyError, quickxplain
from solver.explaining.verdicts import Verdicts

MOST_FIGURES = 8
"""More reservations or capacities than this are reported as one fact, with their sum."""


@dataclass(frozen=True)
class Conflict:
    """Facts that leave no placement, whatever becomes of the others.

    Attributes
    ----------
    facts : tuple of Fact
        With all facts outside relaxed, the instance has no placement.
    minimal : bool
        Proved irreducible: with all facts outside and any one of these relaxed there is a placement.
    """

    facts: tuple[Fact, ...]
    minimal: bool


def minimal_conflict(verdicts: Verdicts, without: Iterable[Fact] = ()) -> Conflict | None:
    """Return a minimal conflict among all facts but some; None if these are not known to conflict.

    Coarse to fine: first whole families of facts (all rules, all reservations of a resource…),
    then their members. A family of many reservations or capacities that all matter stays one fact.
    """
    left_out = atoms(without)
    families = [(family, [fact for fact in family if fact not in left_out]) for family in verdicts.facts.families]
    groups = [as_one(verdicts, kept, whole=len(kept) == len(family)) for family, kept in families if kept]
    if not verdicts.conflicting(groups):
        return None
    return reduced(verdicts, groups)


def reduced(verdicts: Verdicts, facts: Sequence[Fact], most_figures: int = MOST_FIGURES) -> Conflict:
    """Return a minimal conflict inside facts that conflict.

    Groups are resolved into the members that matter, but for reservations and capacities of
    which more than ``most_figures`` do.
    """
    # With more hosts, models are large and full of symmetry: their number stays a fact until the end.
    fixed = [fact for fact in facts if isinstance(fact, HostCountFact)]
    coarse = quickxplain(verdicts.surely, fixed, [fact for fact in facts if fact not in fixed], len(facts))
    fine: list[Fact] = []
    for position, group in enumerate(coarse):
        fine += _members_needed(verdicts, [*fixed, *fine, *coarse[position + 1 :]], group, most_figures)
    if fixed and not verdicts.surely(fine):
        fine += fixed
    verdicts.know_conflict(fine)
    return Conflict(tuple(fine), all(verdicts.conflicting(_without(fine, n)) is False for n in range(len(fine))))


def _members_needed(verdicts: Verdicts, background: Sequence[Fact], group: Fact, most: int) -> Sequence[Fact]:
    """Return the members of a group that the conflict needs; the group itself where that is too much to say."""
    members = list(group.members())
    figures = isinstance(members[0], ReservationFact | CapacityFact)
    if len(members) == 1 or verdicts.over or (figures and most == 0):
        return [group]
    try:
        return quickxplain(verdicts.surely, background, members, most if figures else len(members))
    except TooManyError:
        return [group]


def _without(facts: Sequence[Fact], position: int) -> list[Fact]:
    return [*facts[:position], *facts[position + 1 :]]


def as_one(verdicts: Verdicts, family: Sequence[Fact], *, whole: bool) -> Fact:
    """Return a family, the whole or a part of it, as one fact with a telling text."""
    first, facts = family[0], verdicts.facts
    if whole and isinstance(first, ReservationFact):
        text = facts.all_reservations(first.resource)[0].text
    elif whole and isinstance(first, CapacityFact):
        text = facts.all_capacities(first.resource)[0].text
    else:
        text = f"{len(family)} facts such as {first.text}"
    return together(text, family)
