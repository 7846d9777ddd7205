"""Ignore: VMs that are not placewright's business."""

from __future__ import annotations

from formulations.errors import InputError
from formulations.rules.base import PlacementRule, Selector, check_some


class Ignore(PlacementRule, frozen=True, kw_only=True, tag="ignore"):
    """The VMs are left alone: each stays on its current host and its load counts there.

    Amount broken: how many of the VMs with a current host run elsewhere; no other rule sees these VMs.

    Without a current host an ignored VM is not placed and not counted. Always hard.
    """

    vms: list[Selector]

    def __post_init__(self) -> None:
        check_some(self.vms, "vms")
        if self.price is not None:
            raise InputError("ignore is always hard and takes no price", "price")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs that the rule speaks of."""
        return {"vms": self.vms}
