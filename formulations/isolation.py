"""Isolation levels: how strictly the VMs of a host are kept apart, as plain data."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from formulations.errors import InputError
from formulations.quantities import Quantity, exact


class Isolation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="mode"
):
    """One isolation level; see docs/equations.md for the mathematics of each."""


class Shared(Isolation, frozen=True, kw_only=True, tag="shared"):
    """VMs share what lies above the reservations."""


class Full(Isolation, frozen=True, kw_only=True, tag="full"):
    """A fixed slice inside [reservation, limit] that nobody else may touch, even when idle.

    Parameters
    ----------
    pinned : bool
        The cpu part of the slice is a whole number of the host's cores.
    """

    pinned: bool = False


class Partial(Isolation, frozen=True, kw_only=True, tag="partial"):
    """A guaranteed floor ``max(l, min(u, alpha * C / N))`` on a host with N VMs.

    Parameters
    ----------
    alpha : number in [0, 1]
        0 is pure sharing above the reservations, 1 the equal static partition.
    """

    alpha: Quantity

    def __post_init__(self) -> None:
        if exact(self.alpha, "alpha") > 1:
            raise InputError(f"must lie in [0, 1], got {self.alpha}", "alpha")

    @property
    def fraction(self) -> Fraction:
        """Alpha as an exact fraction."""
        return exact(self.alpha)


class Protected(Isolation, frozen=True, kw_only=True, tag="protected"):
    """Any ``gamma`` protected VMs of a host may burst from reservation to limit at once.

    The budget of uncertainty of Bertsimas and Sim, The Price of Robustness,
    Operations Research 52(1), 2004, doi:10.1287/opre.1030.0065.

    Parameters
    ----------
    gamma : int
        How many VMs; 0 guarantees the reservations only.
    """

    gamma: int

    def __post_init__(self) -> None:
        if self.gamma < 0:
            raise InputError(f"must not be negative, got {self.gamma}", "gamma")


AnyIsolation = Shared | Full | Partial | Protected
