"""At most k hosts on."""

from __future__ import annotations

import msgspec

from formulations.rules.base import PlacementRule, Selector, check_at_least, check_some, everything, quoted


class AtMostOn(PlacementRule, frozen=True, kw_only=True, tag="at_most_on"):
    """At most ``most`` of the hosts run any VM.

    Amount broken: the number of them in use beyond ``most``.
    """

    most: int
    hosts: list[Selector] = msgspec.field(default_factory=everything)

    def __post_init__(self) -> None:
        check_some(self.hosts, "hosts")
        check_at_least(self.most, 0, "most")
        super().__post_init__()

    def host_selectors(self) -> dict[str, list[Selector]]:
        """Return the hosts that the rule speaks of."""
        return {"hosts": self.hosts}

    def __str__(self) -> str:
        """Name the count and the hosts."""
        return f"at most {self.most} on of {quoted(self.hosts)}"
