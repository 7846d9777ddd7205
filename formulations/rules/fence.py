"""Fence: the VMs only on the hosts."""

from __future__ import annotations

from formulations.rules.base import PlacementRule, Selector, check_some


class Fence(PlacementRule, frozen=True, kw_only=True, tag="fence"):
    """The VMs run on none but the hosts.

    Amount broken: how many of the placed VMs run elsewhere.
    """

    vms: list[Selector]
    hosts: list[Selector]

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        check_some(self.hosts, "hosts")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}

    def host_selectors(self) -> dict[str, list[Selector]]:
        """Return the hosts that the rule speaks of."""
        return {"hosts": self.hosts}
