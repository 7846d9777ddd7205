"""Verdicts: which sets of facts are known to conflict, asked of a solver as rarely as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from formulations.errors import InputError
from formulations.instance import Instance
from solver.deadline import Deadline
from solver.explaining.draft import Draft
from solver.explaining.facts import Fact, atoms, relaxed
from solver.explaining.quick import hopeless
from solver.explaining.statements import Facts

Feasible = Callable[[Instance, Deadline], bool | None]
"""Whether an instance has a placement; None when not decided in time."""

SHARE_OF_ONE = 4
"""One question gets at most this part of the time that is left."""


class Verdicts:
    """Answers whether some facts of an instance conflict, and remembers the answers.

    A set of facts *conflicts* when the instance has no placement although all other facts are
    relaxed. What is known of a set is used for its subsets and supersets.

    Parameters
    ----------
    instance : Instance
    feasible : Feasible
        The oracle.
    deadline : Deadline
        For all questions together.

    Attributes
    ----------
    asked : int
        How often the oracle was asked; where a quick check sees the answer, it is not.
    undecided : int
        How often it did not decide in time.
    """

    def __init__(self, instance: Instance, feasible: Feasible, deadline: Deadline) -> None:
        self.instance = instance
        self.facts = Facts(instance)
        self.all = frozenset(self.facts)
        self.deadline = deadline
        self.asked = 0
        self.undecided = 0
        self._feasible = feasible
        self._conflicting: list[frozenset[Fact]] = []
        self._possible: list[frozenset[Fact]] = []
        self._unknown: set[frozenset[Fact]] = set()
        self._late = 0.0

    def know_conflict(self, facts: Iterable[Fact]) -> None:
        """Learn that facts conflict."""
        self._conflicting.append(atoms(facts))

    def conflicting(self, facts: Iterable[Fact]) -> bool | None:
        """Return whether the facts conflict; None when not decided."""
        kept = atoms(facts)
        if any(known <= kept for known in self._conflicting):
            return True
        if any(kept <= known for known in self._possible):
            return False
        if kept in self._unknown:
            return None
        answer = self._ask_of(kept)
        if answer is None:
            self._unknown.add(kept)
            return None
        (self._possible if answer else self._conflicting).append(kept)
        return not answer

    def surely(self, facts: Iterable[Fact]) -> bool:
        """Return whether the facts are known to conflict."""
        return self.conflicting(facts) is True

    def _ask_of(self, kept: frozenset[Fact]) -> bool | None:
        return None if self.over else self.ask(relaxed(self.instance, self.all - kept))

    @property
    def over(self) -> bool:
        """Whether there is no time for another question, given how late answers have come."""
        return self.deadline.left <= self._late

    def possible(self, draft: Draft) -> bool | None:
        """Return whether a changed instance has a placement; None when it is not decided or no instance."""
        if self.over:
            return None
        try:
            changed = draft.instance()
        except InputError:
            return None
        return self.ask(changed)

    def ask(self, instance: Instance) -> bool | None:
        """Ask the oracle about an instance within a part of the time left."""
        if hopeless(instance):
            return False
        self.asked += 1
        given = self.deadline.within(max(1.0, self.deadline.left / SHARE_OF_ONE))
        answer = self._feasible(instance, given)
        self._late = max(self._late, given.elapsed - given.seconds)
        self.undecided += answer is None
        return answer
