"""Contention: weights that give everyone its reservation when all want everything, and shares beyond."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Contender:
    """One VM in a pool of cores.

    Attributes
    ----------
    reserved : Fraction
        What it must get there.
    shares : Fraction
        Positive.
    """

    reserved: Fraction
    shares: Fraction


def level(pool: Sequence[Contender], capacity: Fraction) -> Fraction:
    """Return the largest ``x`` for which ``sum max(reserved, x * shares)`` fits the capacity.

    The sum is piecewise linear in ``x``; its kinks are at ``reserved / shares``.

    Parameters
    ----------
    pool : sequence of Contender
        Not empty; their reservations fit the capacity.
    capacity : Fraction
    """
    kinks = sorted(pool, key=lambda one: one.reserved / one.shares)
    held = sum((one.reserved for one in kinks), Fraction(0))
    shares = Fraction(0)
    for one in kinks:
        if shares and held + shares * one.reserved / one.shares > capacity:
            break
        held -= one.reserved
        shares += one.shares
    return max(Fraction(0), capacity - held) / shares


def weights(
    contenders: Sequence[Contender], pools: Iterable[tuple[Sequence[int], Sequence[Fraction], Fraction]]
) -> list[Fraction]:
    """Return one weight per contender: ``max(reserved, x * shares)`` with one ``x`` for the host.

    A scheduler that divides contended time in proportion to weights then gives everyone at
    least its reservation in every pool, and divides in proportion to shares where no reservation
    binds: ``x`` is the largest that fits every pool, so that a pool's weights never add up to
    more than its capacity.

    Parameters
    ----------
    contenders : sequence of Contender
    pools : iterable of (members, parts, capacity)
        Positions of contenders, which part of each lies in the pool, and what the pool has.
    """
    found: list[Fraction] = []
    for members, parts, capacity in pools:
        if members:
            here = [
                Contender(contenders[at].reserved * part, contenders[at].shares * part)
                for at, part in zip(members, parts, strict=True)
            ]
            found.append(level(here, capacity))
    x = min(found, default=Fraction(0))
    return [max(one.reserved, x * one.shares) for one in contenders]


def whole_weight(weight: Fraction, heaviest: Fraction, least: int, most: int) -> int:
    """Return a weight as an integer from ``least`` to ``most``, the heaviest of the host being ``most``."""
    if not heaviest:
        return most
    return max(least, round(weight * most / heaviest))
