"""At most k VMs move."""

from __future__ import annotations

import msgspec

from formulations.rules.base import PlacementRule, Selector, check_at_least, check_some, everything, quoted


class AtMostMoves(PlacementRule, frozen=True, kw_only=True, tag="at_most_moves"):
    """At most ``most`` of the VMs that have a current host leave it for another one.

    Amount broken: the number of them on another host than their current one, beyond ``most``.
    """

    most: int
    vms: list[Selector] = msgspec.field(default_factory=everything)

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        check_at_least(self.most, 0, "most")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}

    def __str__(self) -> str:
        """Name the count and the VMs."""
        return f"at most {self.most} moves of {quoted(self.vms)}"
