"""Depend: A only where its neighbourhood holds a B (dependency)."""

from __future__ import annotations

from formulations.rules.base import Level, PlacementRule, Selector, check_some


class Depend(PlacementRule, frozen=True, kw_only=True, tag="depend"):
    """Each of the VMs runs only in a domain that also holds one of the VMs it depends ``on``.

    Amount broken: how many of the placed VMs run in a domain without one.
    """

    vms: list[Selector]
    on: list[Selector]
    level: Level = "zone"

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        check_some(self.on, "on")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that depend, and those they depend on."""
        return {"vms": self.vms, "on": self.on}

    def levels(self) -> dict[str, Level]:
        """Return where the VMs meet."""
        return {"level": self.level}
