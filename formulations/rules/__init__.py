"""Placement rules: who may, must or must not sit together; each as plain data in a file of its own."""

from __future__ import annotations

from formulations.rules.among import Among
from formulations.rules.at_least_domains import AtLeastDomains
from formulations.rules.at_most_moves import AtMostMoves
from formulations.rules.at_most_on import AtMostOn
from formulations.rules.at_most_per_host import AtMostPerHost
from formulations.rules.ban import Ban
from formulations.rules.base import Level, PlacementRule, Selector
from formulations.rules.dedicated import Dedicated
from formulations.rules.depend import Depend
from formulations.rules.fault_domains import FaultDomains
from formulations.rules.fence import Fence
from formulations.rules.gather import Gather
from formulations.rules.ignore import Ignore
from formulations.rules.pin import Pin
from formulations.rules.split import Split
from formulations.rules.spread import Spread

Rule = (
    Among
    | AtLeastDomains
    | AtMostMoves
    | AtMostOn
    | AtMostPerHost
    | Ban
    | Dedicated
    | Depend
    | FaultDomains
    | Fence
    | Gather
    | Ignore
    | Pin
    | Split
    | Spread
)

__all__ = [
    "Among",
    "AtLeastDomains",
    "AtMostMoves",
    "AtMostOn",
    "AtMostPerHost",
    "Ban",
    "Dedicated",
    "Depend",
    "FaultDomains",
    "Fence",
    "Gather",
    "Ignore",
    "Level",
    "Pin",
    "PlacementRule",
    "Rule",
    "Selector",
    "Split",
    "Spread",
]
