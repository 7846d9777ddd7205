"""What all placement rules have in common: whom they speak of, and whether they are hard."""

from __future__ import annotations

import msgspec

from formulations.errors import InputError
from formulations.quantities import Quantity, exact

Selector = str
"""A VM entry, one member of it, or ``group:NAME``; for hosts an entry, a member, or ``label:NAME``
with ``type``, ``rack``, ``zone`` or a label of the hosts' own; ``*`` is all."""

Level = str
"""Where VMs meet: ``host``, ``rack``, ``zone`` or a label of the hosts' own. A host without the
label is a domain of its own."""


class PlacementRule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="rule"
):
    """A placement rule as plain data.

    Each rule states its *amount broken*: a whole number that is 0 when the rule holds.

    Parameters
    ----------
    price : number, optional
        Without a price the rule is hard. With one it is soft, and costs the price times
        the amount broken.
    continuous : bool
        Whether a hard rule also binds while VMs move from their current hosts; otherwise it binds
        the final placement only.
    note : str
        Why the rule is there; printed in explanations.
    """

    price: Quantity | None = None
    continuous: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        if self.price is not None:
            exact(self.price, "price")

    @property
    def hard(self) -> bool:
        """Whether the rule must hold."""
        return self.price is None

    def vm_selectors(self) -> dict[str, list[Selector]]:
        """Return the field path of every list of VM selectors."""
        return {}

    def host_selectors(self) -> dict[str, list[Selector]]:
        """Return the field path of every list of host selectors."""
        return {}

    def levels(self) -> dict[str, Level]:
        """Return the field path of every level."""
        return {}

    def __str__(self) -> str:
        """Name the rule as people do, such as ``spread web``."""
        names = [name for group in self.vm_selectors().values() for name in group]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        return f"{self.__struct_config__.tag} {shown}".rstrip()


def check_some(names: list[Selector], field: str, least: int = 1) -> None:
    """Refuse a list of selectors that is too short."""
    if len(names) < least:
        raise InputError(f"expected at least {least}, got {len(names)}", field)


def check_at_least(value: int, least: int, field: str) -> None:
    """Refuse a whole number below the least that makes sense."""
    if value < least:
        raise InputError(f"must be at least {least}, got {value}", field)


def quoted(names: list[Selector]) -> str:
    """Spell a list of selectors shortly."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def everything() -> list[Selector]:
    """Return the selector of all."""
    return ["*"]
