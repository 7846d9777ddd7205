"""At least k distinct domains for the VMs."""

from __future__ import annotations

from formulations.rules.base import Level, PlacementRule, Selector, check_at_least, check_some


class AtLeastDomains(PlacementRule, frozen=True, kw_only=True, tag="at_least_domains"):
    """The VMs occupy at least ``least`` distinct domains.

    Amount broken: ``least`` less the domains occupied and less the VMs that are not placed, if positive.
    """

    vms: list[Selector]
    least: int
    level: Level = "zone"

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        check_at_least(self.least, 1, "least")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}

    def levels(self) -> dict[str, Level]:
        """Return where the VMs meet."""
        return {"level": self.level}
