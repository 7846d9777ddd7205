"""At most k of the VMs per host."""

from __future__ import annotations

import msgspec

from formulations.rules.base import PlacementRule, Selector, check_at_least, check_some, everything, quoted


class AtMostPerHost(PlacementRule, frozen=True, kw_only=True, tag="at_most_per_host"):
    """No host of the given ones runs more than ``most`` of the VMs.

    Amount broken: over these hosts, the number of the VMs beyond ``most``.
    """

    most: int
    vms: list[Selector] = msgspec.field(default_factory=everything)
    hosts: list[Selector] = msgspec.field(default_factory=everything)

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        check_some(self.hosts, "hosts")
        check_at_least(self.most, 0, "most")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}

    def host_selectors(self) -> dict[str, list[Selector]]:
        """Return the hosts that the rule speaks of."""
        return {"hosts": self.hosts}

    def __str__(self) -> str:
        """Name the count and the VMs."""
        return f"at most {self.most} of {quoted(self.vms)} per host"
