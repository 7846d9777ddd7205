"""Named items and hosts, as models with a variable per item and host want them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from benchmarks.peers.scripts.exchange import Attempt, Contents, OutOfTime, Problem
from benchmarks.peers.scripts.greedy import cost, first_answer, offered

LARGEST = 20_000_000
"""More variables than this take minutes and tens of GB to be stated in Python."""


@dataclass(frozen=True)
class Layout:
    """The hosts on offer, the same for every peer, and the first answer on them.

    Parameters
    ----------
    problem : Problem
    kinds : list of int
        The type of each host; hosts of a type stand together.
    start : list of Contents, optional
        What the first answer puts into each host: fullest first within a type.
    start_cost : int, optional
        What the first answer costs.
    """

    problem: Problem
    kinds: list[int]
    start: list[Contents] | None
    start_cost: int | None

    @classmethod
    def of(cls, attempt: Attempt, *, counted: bool = False) -> Layout:
        """Return the layout of a problem, for a model by item or (``counted``) by flavour.

        Raises
        ------
        OutOfTime
            If a model of this many pairs cannot be built within any limit that is used here.
        """
        problem = attempt.problem
        bins = first_answer(problem)
        counts = offered(problem, bins)
        things = len(problem.sizes) if counted else problem.items
        if things * sum(counts) > LARGEST:
            raise OutOfTime(f"{things} x {sum(counts)} variables are not built within the limit")
        kinds = [kind for kind in problem.types for _ in range(counts[kind])]
        if bins is None:
            return cls(problem, kinds, None, None)
        start: list[Contents] = []
        for kind in problem.types:
            used = [contents for k, contents, times in bins for _ in range(times) if k == kind]
            used.sort(key=lambda contents: -load(problem, contents, problem.tightest))
            start += used + [{} for _ in range(counts[kind] - len(used))]
        return cls(problem, kinds, start, cost(problem, bins))

    @property
    def hosts(self) -> range:
        """The numbers of the hosts."""
        return range(len(self.kinds))

    @cached_property
    def items(self) -> list[int]:
        """The flavour of each item."""
        return [flavour for flavour, count in enumerate(self.problem.demand) for _ in range(count)]

    @cached_property
    def neighbours(self) -> list[tuple[int, int]]:
        """Hosts next to one another that are alike: any order among them is as good as another."""
        return [(j, j + 1) for j in self.hosts[:-1] if self.kinds[j] == self.kinds[j + 1]]

    @cached_property
    def started(self) -> list[int]:
        """The host of each item in the first answer; empty when there is none."""
        if self.start is None:
            return []
        places: list[list[int]] = [[] for _ in self.problem.flavours]
        for host, contents in enumerate(self.start):
            for flavour, count in contents.items():
                places[flavour] += [host] * count
        return [host for hosts in places for host in hosts]

    def fits(self, item: int, host: int) -> bool:
        """Return whether an item fits an empty host."""
        return self.problem.most[self.items[item]][self.kinds[host]] > 0

    def filled(self, places: dict[int, int]) -> list[tuple[int, Contents]]:
        """Return the hosts that are in use when each item is at a host."""
        contents: list[Contents] = [{} for _ in self.hosts]
        for item, host in places.items():
            flavour = self.items[item]
            contents[host][flavour] = contents[host].get(flavour, 0) + 1
        return self.used(contents)

    def used(self, contents: list[Contents]) -> list[tuple[int, Contents]]:
        """Return type and contents of the hosts that hold something."""
        return [(kind, held) for kind, held in zip(self.kinds, contents, strict=True) if any(held.values())]


def load(problem: Problem, contents: Contents, resource: int) -> int:
    """Return what the contents of a host take of a resource."""
    return sum(problem.sizes[flavour][resource] * count for flavour, count in contents.items())
