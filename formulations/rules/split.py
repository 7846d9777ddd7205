"""Split: groups of VMs that never share a domain."""

from __future__ import annotations

from formulations.rules.base import Level, PlacementRule, Selector, check_at_least, check_some, quoted


class Split(PlacementRule, frozen=True, kw_only=True, tag="split"):
    """VMs of different groups never share a domain; VMs of the same group may.

    Amount broken: over all domains, the number of groups present beyond the first.

    The groups must have no VM in common.
    """

    groups: list[list[Selector]]
    level: Level = "host"

    def __post_init__(self) -> None:
        for position, group in enumerate(self.groups):
            check_some(group, f"groups[{position}]")
        check_at_least(len(self.groups), 2, "groups")
        super().__post_init__()

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the VMs of each group."""
        return {f"groups[{position}]": group for position, group in enumerate(self.groups)}

    def __str__(self) -> str:
        """Name the groups."""
        return "split " + " | ".join(quoted(group) for group in self.groups)

    def levels(self) -> dict[str, Level]:
        """Return where the VMs meet."""
        return {"level": self.level}
