"""Spread: no two of the VMs in one domain (anti-affinity)."""

from __future__ import annotations

from formulations.rules.base import Level, PlacementRule, Selector, check_some


class Spread(PlacementRule, frozen=True, kw_only=True, tag="spread"):
    """No two of the VMs share a domain (anti-affinity).

    Amount broken: placed VMs less the number of domains they occupy.
    """

    vms: list[Selector]
    level: Level = "host"

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}

    def levels(self) -> dict[str, Level]:
        """Return where the VMs meet."""
        return {"level": self.level}
