"""Among: all the VMs within one of several host sets."""

from __future__ import annotations

from formulations.rules.base import PlacementRule, Selector, check_at_least, check_some


class Among(PlacementRule, frozen=True, kw_only=True, tag="among"):
    """All the VMs run within one of the host sets.

    Amount broken: how many of the placed VMs run outside the set that holds most of them.
    """

    vms: list[Selector]
    sets: list[list[Selector]]

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        for position, hosts in enumerate(self.sets):
            check_some(hosts, f"sets[{position}]")
        check_at_least(len(self.sets), 1, "sets")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}

    def host_selectors(self) -> dict[str, list[Selector]]:
        """Return the hosts of each set."""
        return {f"sets[{position}]": hosts for position, hosts in enumerate(self.sets)}
