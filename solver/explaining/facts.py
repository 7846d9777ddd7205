"""Facts as people think of them: rules, reservations, capacities, hosts; and what relaxing each means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from formulations.instance import Instance
from solver.explaining.draft import Draft


@dataclass(frozen=True)
class Fact(ABC):
    """Something stated by an instance without which more placements would be allowed.

    Relaxing a fact never forbids a placement, so the facts that hold can be treated as a set:
    more facts, fewer placements.

    Parameters
    ----------
    text : str
        As people say it.
    """

    text: str

    @abstractmethod
    def relax(self, draft: Draft) -> None:
        """Take the fact out of a draft."""

    def members(self) -> Iterator[Fact]:
        """Yield the facts that this one consists of."""
        yield self

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class RuleFact(Fact):
    """A hard rule. Relaxing leaves it out; for an ignore rule, it takes the ignored VMs away.

    (Ignored VMs that had to be placed anew would not be a relaxation.)

    Parameters
    ----------
    positions : tuple of int
        Where the rule stands in the instance: once, or more often if it is repeated.
    ignored : tuple of str
        The VM entries that an ignore rule covers as a whole.
    """

    positions: tuple[int, ...]
    ignored: tuple[str, ...] = ()

    def relax(self, draft: Draft) -> None:
        """Leave the rule out, or the VMs that it ignores."""
        for vm in self.ignored:
            draft.leave_out(vm)
        for position in self.positions if not self.ignored else ():
            draft.drop_rule(position)


@dataclass(frozen=True)
class ReservationFact(Fact):
    """What a VM entry's members reserve of a resource. Relaxing sets it to 0."""

    vm: str
    resource: int

    def relax(self, draft: Draft) -> None:
        """Reserve nothing."""
        draft.unreserve(self.vm, self.resource)


@dataclass(frozen=True)
class CapacityFact(Fact):
    """What a host entry's members have of a resource. Relaxing gives enough for all VMs."""

    host: str
    resource: int

    def relax(self, draft: Draft) -> None:
        """Make room for everything."""
        draft.make_roomy(self.host, self.resource)


@dataclass(frozen=True)
class CellsFact(Fact):
    """The NUMA cells of a host entry. Relaxing joins them into one."""

    host: str

    def relax(self, draft: Draft) -> None:
        """Join the cells."""
        draft.join_cells(self.host)


@dataclass(frozen=True)
class MaintenanceFact(Fact):
    """A host entry in maintenance. Relaxing switches it on."""

    host: str

    def relax(self, draft: Draft) -> None:
        """Switch the host on."""
        draft.switch_on(self.host)


@dataclass(frozen=True)
class IsolationFact(Fact):
    """The isolation level of a VM entry, or (None) of all that state none. Relaxing: shared."""

    vm: str | None

    def relax(self, draft: Draft) -> None:
        """Share."""
        draft.share(self.vm)


@dataclass(frozen=True)
class HostCountFact(Fact):
    """How many hosts there are. Relaxing adds more of each kind, in old domains and in new ones."""

    def relax(self, draft: Draft) -> None:
        """Add hosts."""
        draft.allow_more_hosts()


@dataclass(frozen=True)
class AllOf(Fact):
    """Several facts of one kind, taken as one. Relaxing relaxes all."""

    facts: tuple[Fact, ...]

    def relax(self, draft: Draft) -> None:
        """Relax every member."""
        for fact in self.facts:
            fact.relax(draft)

    def members(self) -> Iterator[Fact]:
        """Yield the members."""
        yield from self.facts


def together(text: str, facts: Sequence[Fact]) -> Fact:
    """Return one fact for several; a single one stays itself."""
    return facts[0] if len(facts) == 1 else AllOf(text, tuple(facts))


def atoms(facts: Iterable[Fact]) -> frozenset[Fact]:
    """Return the single facts behind facts and groups of them."""
    return frozenset(member for fact in facts for member in fact.members())


def relaxed(instance: Instance, facts: Iterable[Fact]) -> Instance:
    """Return an instance without the facts (and without what does not decide feasibility)."""
    draft = Draft(instance)
    for fact in facts:
        fact.relax(draft)
    return draft.instance()
