"""Pin: the VMs on exactly this host."""

from __future__ import annotations

from formulations.rules.base import PlacementRule, Selector, check_some


class Pin(PlacementRule, frozen=True, kw_only=True, tag="pin"):
    """The VMs run on this host, or, without one, stay where they are.

    Amount broken: how many of the placed VMs run elsewhere.

    A VM without a current host is not bound by a pin that names no host.
    """

    vms: list[Selector]
    host: Selector | None = None

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}

    def host_selectors(self) -> dict[str, list[Selector]]:
        """Return the host, if one is named."""
        return {} if self.host is None else {"host": [self.host]}
