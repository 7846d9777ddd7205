"""Counted entries and the member names (``web-17``) that are derived from them on demand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError


class CountedNames:
    """Numbers the members of counted entries from 0 and names them.

    An entry ``web`` with count 1 is called ``web``; with count 20 its members are
    ``web-1`` … ``web-20``. Members of one entry have consecutive numbers.

    Parameters
    ----------
    names : sequence of str
        The entries' names, distinct.
    counts : sequence of int
        How many members each has, at least 1.
    """

    def __init__(self, names: Sequence[str], counts: Sequence[int]) -> None:
        self.names = tuple(names)
        self.counts: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
        self.offsets: NDArray[np.int64] = np.concatenate(([0], np.cumsum(self.counts))).astype(np.int64)
        self._entry = {name: position for position, name in enumerate(self.names)}
        self._check()

    def _check(self) -> None:
        if len(self._entry) < len(self.names):
            seen: set[str] = set()
            for position, name in enumerate(self.names):
                if name in seen:
                    raise InputError(f"duplicate name {name!r}", f"[{position}].name")
                seen.add(name)
        for position, name in enumerate(self.names):
            if self.counts[position] == 1 and (owner := self._derived(name)) is not None:
                raise InputError(f"name {name!r} is also a member of {self.names[owner[0]]!r}", f"[{position}].name")

    def _derived(self, name: str) -> tuple[int, int] | None:
        """Split ``web-17`` into the entry ``web`` and the member 16, if there is such an entry."""
        base, dash, digits = name.rpartition("-")
        if not dash or not digits.isascii() or not digits.isdigit() or digits[0] == "0":
            return None
        entry = self._entry.get(base)
        if entry is None or self.counts[entry] == 1 or len(digits) > 18 or int(digits) > self.counts[entry]:
            return None
        return entry, int(digits) - 1

    @property
    def total(self) -> int:
        """How many members all entries have together."""
        return int(self.offsets[-1])

    def entry_of(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the entry of each member number."""
        return np.searchsorted(self.offsets, members, side="right").astype(np.int64) - 1

    def entries(self) -> NDArray[np.int64]:
        """Return the entry of every member, in order: shape (total,)."""
        return np.repeat(np.arange(len(self.names), dtype=np.int64), self.counts)

    def members(self, entry: int) -> NDArray[np.int64]:
        """Return the member numbers of an entry."""
        return np.arange(self.offsets[entry], self.offsets[entry + 1], dtype=np.int64)

    def name(self, member: int) -> str:
        """Return the name of one member."""
        entry = int(np.searchsorted(self.offsets, member, side="right")) - 1
        if self.counts[entry] == 1:
            return self.names[entry]
        return f"{self.names[entry]}-{member - int(self.offsets[entry]) + 1}"

    def names_of(self, members: NDArray[np.int64]) -> list[str]:
        """Return the names of many members in their order."""
        entries = self.entry_of(members)
        numbers = np.where(self.counts[entries] == 1, 0, members - self.offsets[entries] + 1)
        pairs = zip(entries.tolist(), numbers.tolist(), strict=True)
        return [f"{self.names[entry]}-{number}" if number else self.names[entry] for entry, number in pairs]

    def all_names(self) -> list[str]:
        """Return the names of all members in order (linear time)."""
        names: list[str] = []
        for name, (start, stop) in zip(self.names, pairwise(self.offsets.tolist()), strict=True):
            names.extend([name] if stop - start == 1 else [f"{name}-{n}" for n in range(1, stop - start + 1)])
        return names

    def find(self, name: str) -> NDArray[np.int64] | None:
        """Return the member numbers that a name stands for: an entry's all, a member's own; None if unknown."""
        if (entry := self._entry.get(name)) is not None:
            return self.members(entry)
        if (derived := self._derived(name)) is not None:
            return np.array([self.offsets[derived[0]] + derived[1]], dtype=np.int64)
        return None
