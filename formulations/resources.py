"""Resources: their names, units and roles, and the integer scale of each."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.quantities import plain

Role = Literal["cpu", "memory", "other"]

LONGEST_NAME = 200
MOST_RESOURCES = 64


def check_name(name: str, field: str = "name") -> None:
    """Refuse a name that is empty, too long, padded, or holds control characters."""
    if not name or name != name.strip():
        raise InputError(f"must be non-empty without spaces at its ends, got {name!r}", field)
    if len(name) > LONGEST_NAME:
        raise InputError(f"must have at most {LONGEST_NAME} characters, got {len(name)}", field)
    if not name.isprintable():
        raise InputError(f"must hold printable characters only, got {name!r}", field)


class Resource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something hosts have and VMs need: cpu, memory, disk, network bandwidth, gpu and so on.

    Parameters
    ----------
    name : str
        How VMs and hosts refer to it.
    unit : str
        Printed behind every figure, such as ``cores`` or ``GB``.
    role : {"cpu", "memory", "other"}, optional
        What the isolation models and the scheduler take it for. By default a resource
        called ``cpu`` or ``memory`` has that role and any other has none.
    transient : bool
        Whether a VM that moves occupies it at both ends until all moves are over: on every host, those who
        arrive fit beside all who are there now.
    """

    name: str
    unit: str = ""
    role: Role | None = None
    transient: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.unit:
            check_name(self.unit, "unit")

    @property
    def kind(self) -> Role:
        """The role given, or the one that the name implies."""
        if self.role is not None:
            return self.role
        if self.name == "cpu":
            return "cpu"
        return "memory" if self.name == "memory" else "other"


class Scale(NamedTuple):
    """The exact integers behind one resource: a figure is ``integer * quantum`` units."""

    resource: Resource
    quantum: Fraction

    def integer(self, value: Fraction) -> int:
        """Return the value in quanta, rounded down."""
        return value.numerator * self.quantum.denominator // (value.denominator * self.quantum.numerator)

    def value(self, integer: int) -> Fraction:
        """Return what an integer number of quanta stands for, in the resource's unit."""
        return int(integer) * self.quantum

    def say(self, integer: int | Fraction) -> str:
        """Spell an integer number of quanta with its unit, such as ``62.5 GB``."""
        figure = plain(integer * self.quantum if isinstance(integer, Fraction) else self.value(integer))
        return f"{figure} {self.resource.unit}".rstrip()

    def floats(self, integers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return an array of quanta as floats in the resource's unit, for pictures and tables."""
        return np.asarray(integers, dtype=np.float64) * float(self.quantum)


def role_index(resources: Sequence[Resource], role: Role) -> int | None:
    """Return the position of the first resource with the role, or None."""
    return next((r for r, resource in enumerate(resources) if resource.kind == role), None)
