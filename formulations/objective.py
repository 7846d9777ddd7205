"""Objectives: lexicographic levels, each a weighted sum of terms with a unit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import msgspec

from formulations.errors import InputError
from formulations.quantities import Quantity, exact

TermKind = Literal[
    "unplaced",
    "broken_rules",
    "unmet_demand",
    "hosts",
    "cost",
    "energy",
    "migration",
    "group_moves",
    "distance",
    "load",
    "balance",
    "imbalance",
]

UNITS: dict[TermKind, str] = {
    "unplaced": "VMs",
    "broken_rules": "price",
    "unmet_demand": "shares",
    "hosts": "hosts",
    "cost": "cost",
    "energy": "W",
    "migration": "move cost",
    "group_moves": "moves",
    "distance": "move cost",
    "load": "above safety",
    "balance": "short of balance",
    "imbalance": "utilisation",
}

_SPECIAL: dict[str, tuple[TermKind, ...]] = {
    "resource": ("load", "balance", "unplaced"),
    "other": ("balance",),
    "target": ("balance",),
}
"""Fields that some kinds of terms have."""

_OPTIONAL: tuple[tuple[str, TermKind], ...] = (("target", "balance"), ("resource", "unplaced"))
"""Those that may be missing."""

HOST_TERMS: tuple[TermKind, ...] = ("cost", "hosts", "energy")


class Term(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One quantity to be made small.

    Parameters
    ----------
    kind : str
        ``unplaced``: VMs without a host; with a resource, what they demand of it. ``broken_rules``:
        over soft rules, price times amount broken. ``unmet_demand``: over VMs and resources with demand
        ``d > 0``, ``shares * max(0, d - a) / d`` (a VM without a host has ``a = 0``). ``hosts``: hosts
        in use. ``cost``: their cost. ``energy``: over hosts in use, ``idle + (peak - idle) * cpu demand
        / cpu capacity``. ``migration``: move cost of the VMs that leave their current host.
        ``group_moves``: the largest number of these in any one group. ``distance``: over them, what
        their old host states for their new one. ``load``: over hosts, the demand for ``resource``
        beyond the safety capacity. ``balance``: over hosts not in maintenance, ``max(0, target *
        free(resource) - free(other))``, free capacity after demands. ``imbalance``: over hosts not in
        maintenance and resources, the excess of ``demand / capacity`` over the same ratio of the whole
        cluster.
    weight : number
        Its weight in the level's sum.
    priority : int, optional
        With ``unplaced``: count only VMs of this priority.
    resource : str, optional
        With ``load`` and ``balance``, and where wanted with ``unplaced``.
    other : str, optional
        With ``balance``.
    target : number, optional
        With ``balance``: how much of the other resource should be free for a unit of the first; 1
        if missing.
    """

    kind: TermKind
    weight: Quantity = 1
    priority: int | None = None
    resource: str | None = None
    other: str | None = None
    target: Quantity | None = None

    def __post_init__(self) -> None:
        if exact(self.weight, "weight") == 0:
            raise InputError("must be positive, got 0", "weight")
        if self.priority is not None and self.kind != "unplaced":
            raise InputError("only a term of kind unplaced takes a priority", "priority")
        for field, kinds in _SPECIAL.items():
            given = getattr(self, field) is not None
            if given and self.kind not in kinds:
                raise InputError(f"only a term of kind {' or '.join(kinds)} takes this", field)
            if not given and self.kind in kinds and (field, self.kind) not in _OPTIONAL:
                raise InputError(f"a term of kind {self.kind} needs it", field)
        if self.target is not None:
            exact(self.target, "target")

    @property
    def ratio(self) -> Fraction:
        """How much of the other resource should be free for a unit of the first."""
        return Fraction(1) if self.target is None else exact(self.target)

    @property
    def unit(self) -> str:
        """What the term is counted in."""
        return f"of {self.resource}" if self.kind == "unplaced" and self.resource is not None else UNITS[self.kind]

    def __str__(self) -> str:
        """Name the term in words."""
        words = self.kind.replace("_", " ")
        if self.kind == "unplaced" and self.resource is not None:
            words = f"unplaced {self.resource}"
        if self.kind == "load":
            return f"load of {self.resource}"
        if self.kind == "balance":
            return f"balance of {self.other} to {float(self.ratio):g} {self.resource}"
        return words if self.priority is None else f"{words} of priority {self.priority}"


class ObjectiveLevel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A weighted sum of terms; it is minimised after every level before it.

    Parameters
    ----------
    terms : list of Term
        At least one.
    unit : str, optional
        The unit of the sum; by default the unit of its terms where they agree.
    """

    terms: list[Term]
    unit: str | None = None

    def __post_init__(self) -> None:
        if not self.terms:
            raise InputError("expected at least one term", "terms")

    @property
    def name(self) -> str:
        """The terms in words, such as ``hosts`` or ``cost + 3 migration``."""
        parts = [(term, exact(term.weight)) for term in self.terms]
        return " + ".join(str(term) if weight == 1 else f"{float(weight):g} {term}" for term, weight in parts)

    @property
    def said_unit(self) -> str:
        """The unit to print behind the level's value."""
        if self.unit is not None:
            return self.unit
        units = {term.unit for term in self.terms}
        return units.pop() if len(units) == 1 else ""


def level(kind: TermKind, **more: Any) -> ObjectiveLevel:
    """Return a level of one term."""
    return ObjectiveLevel(terms=[Term(kind=kind, **more)])
