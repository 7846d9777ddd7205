"""The judge of each placement rule: how much of it a placement breaks, and who breaks it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from formulations.errors import UnsupportedError
from formulations.instance import Instance
from formulations.rules import (
    Among,
    AtLeastDomains,
    AtMostMoves,
    AtMostOn,
    AtMostPerHost,
    Ban,
    Dedicated,
    Depend,
    FaultDomains,
    Fence,
    Gather,
    Ignore,
    Pin,
    PlacementRule,
    Split,
    Spread,
)
from formulations.tables import Integers
from solver.verifying.rules.base import RuleCheck
from solver.verifying.rules.domains import (
    AtLeastDomainsCheck,
    DependCheck,
    FaultDomainsCheck,
    GatherCheck,
    SplitCheck,
    SpreadCheck,
)
from solver.verifying.rules.hosts import AmongCheck, AtMostMovesCheck, BanCheck, FenceCheck, StayCheck
from solver.verifying.rules.sharing import AtMostOnCheck, AtMostPerHostCheck, DedicatedCheck

CHECKS: dict[type[PlacementRule], Callable[[Instance, Any], RuleCheck]] = {
    Among: AmongCheck,
    AtLeastDomains: AtLeastDomainsCheck,
    AtMostMoves: AtMostMovesCheck,
    AtMostOn: AtMostOnCheck,
    AtMostPerHost: AtMostPerHostCheck,
    Ban: BanCheck,
    Dedicated: DedicatedCheck,
    Depend: DependCheck,
    FaultDomains: FaultDomainsCheck,
    Fence: FenceCheck,
    Gather: GatherCheck,
    Ignore: StayCheck,
    Pin: StayCheck,
    Split: SplitCheck,
    Spread: SpreadCheck,
}

MOST_OFFENCES = 5


class RuleJudge:
    """One rule of one instance, compiled once and asked often.

    Parameters
    ----------
    instance : Instance
    rule : PlacementRule

    Attributes
    ----------
    members : int64 array
        The VMs that it looks at, ascending; no other VM's host changes the amount broken.

    Raises
    ------
    UnsupportedError
        If there is no judge for this kind of rule.
    InputError
        If a selector of the rule names nothing.
    """

    def __init__(self, instance: Instance, rule: PlacementRule) -> None:
        if type(rule) not in CHECKS:
            raise UnsupportedError(f"no judge for the rule {rule}")
        self.rule = rule
        self._check = CHECKS[type(rule)](instance, rule)
        self.members = self._check.members

    def amount(self, host_of: Integers) -> int:
        """Return the amount broken.

        Parameters
        ----------
        host_of : int64 array, shape (VMs,)
            The host of every VM, -1 for a VM without one; may be partial.
        """
        return self._check.amount(host_of)

    def explain(self, host_of: Integers) -> str:
        """Return who breaks the rule, such as ``web-1 and web-3 share host-2``; empty if nobody does."""
        named = list(islice(self._check.offences(host_of), MOST_OFFENCES + 1))
        shown = named[:MOST_OFFENCES] + (["and more"] if len(named) > MOST_OFFENCES else [])
        return "; ".join(shown)


def amount_broken(instance: Instance, rule: PlacementRule, host_of: Integers) -> int:
    """Return how much of a rule a complete or partial placement breaks; see `RuleJudge`."""
    return RuleJudge(instance, rule).amount(host_of)


__all__ = ["RuleJudge", "amount_broken"]
