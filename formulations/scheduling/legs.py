"""Legs: the timed steps of a migration plan, stripped to what they claim at their start and release at their end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.tables import Integers


class RowKind(StrEnum):
    """What a row limits."""

    SLOTS = "slots"
    """How many legs run at once: a leg gives back at its end all that it claimed."""
    STORE = "store"
    """How much is in a place: what a leg claims in one place it releases in another."""


class Row(NamedTuple):
    """Something of which there is only so much.

    Attributes
    ----------
    what, where : str
        In words: ``memory`` of ``host-3``, ``migrations`` of ``the cluster``.
    kind : RowKind
    load : int
        What is taken before the first leg starts.
    limit : int
        The most that a claim may leave; a row that starts above it may only fall.
    """

    what: str
    where: str
    kind: RowKind
    load: int
    limit: int

    @property
    def name(self) -> str:
        """What there is only so much of, and where."""
        return f"{self.what} of {self.where}"


class Claim(NamedTuple):
    """What a leg takes at its start: afterwards the row's load may not exceed the limit.

    Attributes
    ----------
    row : int
    amount : int
        At least 0; a claim of 0 only looks, and what it looks for must look back.
    limit : int
    """

    row: int
    amount: int
    limit: int


class Release(NamedTuple):
    """What a leg gives back at its end."""

    row: int
    amount: int


class Leg(NamedTuple):
    """One step: claims at its start, releases at its end.

    Attributes
    ----------
    duration : int
        Milliseconds; 0 only for legs that do not both claim and release.
    claims : tuple of Claim
        At most one that is above 0 per row.
    releases : tuple of Release
        At most one per row.
    """

    duration: int
    claims: tuple[Claim, ...]
    releases: tuple[Release, ...]


@dataclass(frozen=True, eq=False)
class Legs:
    """Legs to be timed, the rows that they share, and the order in which some must come.

    A schedule gives every leg a start in milliseconds, from 0 on. A leg that starts needs each of
    its claims to fit; at one moment ends count before starts.

    Parameters
    ----------
    legs : sequence of Leg
        In an order in which they can run one after the other, as far as one is known.
    rows : sequence of Row
    after : sequence of (int, int)
        Pairs ``(before, leg)``: the leg may start when the one before has ended.
    following : sequence of (int, int)
        Pairs ``(before, leg)``: the leg may start when the one before has started.

    Raises
    ------
    InputError
        If a figure is out of range, or a pair does not go forward.
    """

    legs: Sequence[Leg]
    rows: Sequence[Row]
    after: Sequence[tuple[int, int]] = ()
    following: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        for number, leg in enumerate(self.legs):
            if leg.duration < (1 if leg.claims and leg.releases else 0):
                raise InputError(f"too short: {leg.duration} ms", f"legs[{number}].duration")
            if any(claim.amount < 0 for claim in leg.claims) or any(release.amount < 0 for release in leg.releases):
                raise InputError("amounts must not be negative", f"legs[{number}]")
            _once([claim.row for claim in leg.claims if claim.amount], len(self.rows), f"legs[{number}].claims")
            _once([release.row for release in leg.releases], len(self.rows), f"legs[{number}].releases")
        for before, leg_number in (*self.after, *self.following):
            if not 0 <= before < leg_number < len(self.legs):
                raise InputError(f"expected an earlier and a later leg, got {before} and {leg_number}", "after")

    def __len__(self) -> int:
        return len(self.legs)

    # -- arrays ------------------------------------------------------------------------------

    @cached_property
    def duration(self) -> Integers:
        """The durations: shape (legs,)."""
        return np.array([leg.duration for leg in self.legs], dtype=np.int64)

    @cached_property
    def load(self) -> Integers:
        """What is taken of every row before the first leg starts: shape (rows,)."""
        return np.array([row.load for row in self.rows], dtype=np.int64)

    @cached_property
    def slots(self) -> NDArray[np.bool_]:
        """Which rows count legs that run at once: shape (rows,)."""
        return np.array([row.kind is RowKind.SLOTS for row in self.rows], dtype=np.bool_)

    @cached_property
    def claims(self) -> tuple[Integers, Integers, Integers, Integers]:
        """All claims: where each leg's begin, shape (legs + 1,), and their rows, amounts and limits."""
        first = _offsets(len(leg.claims) for leg in self.legs)
        table = [claim for leg in self.legs for claim in leg.claims]
        row, amount, limit = (np.array([claim[n] for claim in table], dtype=np.int64) for n in range(3))
        return first, row, amount, limit

    @cached_property
    def releases(self) -> tuple[Integers, Integers, Integers]:
        """All releases: where each leg's begin, shape (legs + 1,), and their rows and amounts."""
        first = _offsets(len(leg.releases) for leg in self.legs)
        table = [release for leg in self.legs for release in leg.releases]
        row, amount = (np.array([release[n] for release in table], dtype=np.int64) for n in range(2))
        return first, row, amount

    @cached_property
    def users(self) -> tuple[Integers, Integers]:
        """Per row the legs that claim or release it, ascending: offsets, shape (rows + 1,), and legs."""
        users: list[list[int]] = [[] for _ in self.rows]
        for number, leg in enumerate(self.legs):
            for row in sorted({claim.row for claim in leg.claims} | {release.row for release in leg.releases}):
                users[row].append(number)
        flat = [leg for legs in users for leg in legs]
        return _offsets(len(legs) for legs in users), np.array(flat, dtype=np.int64)

    # -- backwards -----------------------------------------------------------------------------

    def backwards(self) -> Legs:
        """Return the legs as they look when time runs backwards, the last one first.

        A schedule read backwards keeps every row: at both ends of a leg as much is taken and given
        as forwards. What forwards may only fall (rows above their limit) and who follows whom at its
        start are lost, so a schedule made backwards must be looked at again.
        """
        load = self.load.tolist()
        for leg in self.legs:
            for claim in leg.claims:
                load[claim.row] += claim.amount
            for release in leg.releases:
                load[release.row] -= release.amount
        rows = [row._replace(load=final) for row, final in zip(self.rows, load, strict=True)]
        legs = [
            Leg(
                leg.duration,
                tuple(Claim(row, amount, self.rows[row].limit) for row, amount in leg.releases),
                tuple(Release(claim.row, claim.amount) for claim in leg.claims if claim.amount),
            )
            for leg in reversed(self.legs)
        ]
        last = len(self.legs) - 1
        return Legs(legs, rows, tuple((last - leg, last - before) for before, leg in self.after))

    # -- schedules -----------------------------------------------------------------------------

    def makespan(self, start: Integers) -> int:
        """Return when the last leg ends."""
        return int((start + self.duration).max(initial=0))

    def broken(self, start: Integers) -> str:
        """Return the first condition that a schedule breaks, in words; empty if it keeps all.

        Parameters
        ----------
        start : int64 array, shape (legs,)
        """
        if len(start) != len(self.legs) or bool((start < 0).any()):
            return "every leg needs a start from 0 on"
        end = start + self.duration
        for before, leg in self.after:
            if start[leg] < end[before]:
                return f"leg {leg} starts before leg {before} has ended"
        for before, leg in self.following:
            if start[leg] < start[before]:
                return f"leg {leg} starts before leg {before} has started"
        return self._overfull(start, end)

    def _overfull(self, start: Integers, end: Integers) -> str:
        """Replay the schedule, ends before starts; what starts together is all counted before it is looked at."""
        load = self.load.tolist()
        ends = [(int(at), 0, leg) for leg, at in enumerate(end)]
        starts = [(int(at), 1, leg) for leg, at in enumerate(start)]
        for (at, starting), events in groupby(sorted(ends + starts), key=lambda event: event[:2]):
            together = [self.legs[leg] for _, _, leg in events]
            if not starting:
                for release in (release for leg in together for release in leg.releases):
                    load[release.row] -= release.amount
                continue
            claims = [claim for leg in together for claim in leg.claims]
            for claim in claims:
                load[claim.row] += claim.amount
            for claim in claims:
                if load[claim.row] > claim.limit:
                    return f"{self.rows[claim.row].name}: {load[claim.row]} of {claim.limit} at {at} ms"
        return ""


def _once(rows: Sequence[int], count: int, path: str) -> None:
    if len(set(rows)) < len(rows):
        raise InputError("a row stands twice", path)
    if any(not 0 <= row < count for row in rows):
        raise InputError(f"there are {count} rows, from 0", path)


def _offsets(lengths: Iterable[int]) -> Integers:
    return np.concatenate(([0], np.cumsum(np.array([*lengths], dtype=np.int64)))).astype(np.int64)
