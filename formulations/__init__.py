"""The question: instances, rules, placements, objectives and the models that state them.

Knows no solver. Imports no linear model here, so that a judge may read an instance without one.
"""

from __future__ import annotations

from formulations.bounds import Bounds
from formulations.errors import InputError, PlacewrightError, UnsupportedError
from formulations.instance import Instance, default_objective
from formulations.isolation import Full, Partial, Protected, Shared
from formulations.machines import VM, Cell, Host, Pool
from formulations.objective import ObjectiveLevel, Term
from formulations.placement import Placement
from formulations.resources import Resource

__all__ = [
    "VM",
    "Bounds",
    "Cell",
    "Full",
    "Host",
    "InputError",
    "Instance",
    "ObjectiveLevel",
    "Partial",
    "Placement",
    "PlacewrightError",
    "Pool",
    "Protected",
    "Resource",
    "Shared",
    "Term",
    "UnsupportedError",
    "default_objective",
]
