"""Families of benchmark instances: cases with a name, built when needed, and what is published about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.protocol import Known
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.vector_packing import VectorPacking

Question = VectorPacking | Instance

SEEDS: tuple[int, ...] = (0, 1, 2, 3, 4)
"""Of generated families, unless others are asked for."""


@dataclass(frozen=True)
class Case:
    """One named instance.

    Attributes
    ----------
    family, name : str
        Unique together; file names are made of them.
    build : callable
        Returns the instance, the same at every call.
    group : str
        Divides the family, such as into the classes of a published set.
    facts : mapping of str to int
        What is known without building it, such as ``n``; campaigns choose by them.
    known : Known
        What is published about it.
    """

    family: str
    name: str
    build: Callable[[], Question]
    group: str = ""
    facts: Mapping[str, int] = field(default_factory=dict)
    known: Known = field(default_factory=Known)

    @property
    def title(self) -> str:
        """Family and name, as the command line knows it."""
        return f"{self.family}/{self.name}"


@dataclass(frozen=True)
class Family:
    """A set of cases that belong together.

    Attributes
    ----------
    name, what, source : str
        What it is in one sentence, and where it comes from.
    cases : callable
        Takes the seeds of generated instances; returns every case.
    by : sequence of str
        The fields of a record by which its tables are divided.
    absent : callable
        Returns why the family cannot be built here, or None.
    """

    name: str
    what: str
    source: str
    cases: Callable[[Sequence[int]], Iterable[Case]]
    by: Sequence[str] = ("n",)
    absent: Callable[[], str | None] = lambda: None


FAMILIES: dict[str, Family] = {}


def register(family: Family) -> Family:
    """Make a family known to the command line."""
    FAMILIES[family.name] = family
    return family


def family_named(name: str) -> Family:
    """Return the family of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in FAMILIES:
        raise InputError(f"no family is called {name!r}; expected one of {', '.join(sorted(FAMILIES))}")
    return FAMILIES[name]


def present(families: Iterable[str], seeds: Sequence[int] = SEEDS) -> Iterator[Case]:
    """Yield the cases of those families that can be built here."""
    for name in families:
        family = family_named(name)
        if family.absent() is None:
            yield from family.cases(seeds)


def case_named(title: str, seeds: Sequence[int] = SEEDS) -> Case:
    """Return the case with a title such as ``cloud/n1000-f30-d2-s0``.

    Raises
    ------
    InputError
        If there is none, with the reason where its family cannot be built here.
    """
    name, _, rest = title.partition("/")
    if (reason := family_named(name).absent()) is not None:
        raise InputError(f"{name}: {reason}")
    for case in family_named(name).cases(seeds):
        if case.name == rest:
            return case
    raise InputError(f"family {name} has no case {rest!r}")
