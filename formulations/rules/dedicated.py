"""Dedicated: the VMs' hosts run nobody else (lonely)."""

from __future__ import annotations

from formulations.rules.base import PlacementRule, Selector, check_some


class Dedicated(PlacementRule, frozen=True, kw_only=True, tag="dedicated"):
    """Hosts that run any of the VMs run no other VM (lonely).

    Amount broken: how many hosts run both one of the VMs and another one.
    """

    vms: list[Selector]

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}
