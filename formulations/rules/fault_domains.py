"""Fault domains: VMs of different domains of a group, never on one host or rack."""

from __future__ import annotations

from formulations.rules.base import PlacementRule, Selector, check_at_least, check_some, quoted


class FaultDomains(PlacementRule, frozen=True, kw_only=True, tag="fault_domains"):
    """VMs of different fault domains never share a host, nor a rack where racks are given.

    Amount broken: over all hosts and all named racks, the number of fault domains present beyond the first.

    The fault domains must have no VM in common.
    """

    domains: list[list[Selector]]

    def __post_init__(self) -> None:
        for position, domain in enumerate(self.domains):
            check_some(domain, f"domains[{position}]")
        check_at_least(len(self.domains), 2, "domains")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs of each fault domain."""
        return {f"domains[{position}]": domain for position, domain in enumerate(self.domains)}

    def __str__(self) -> str:
        """Name the fault domains."""
        return "fault domains " + " | ".join(quoted(domain) for domain in self.domains)
