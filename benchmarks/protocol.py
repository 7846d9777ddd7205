"""What a benchmark exchanges: problem files, limits, answers, and the record of one run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from formulations.vector_packing import Packing, VectorPacking
from solver.inventories.files import write_bytes

StatusWord = Literal["OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNKNOWN", "CRASHED", "KILLED", "SKIPPED"]
"""What a subject says, or what became of it."""

Proof = Literal["", "exact", "solver"]
"""Whether value and bound meet, and whether the bound is exact or rests on a solver's floats."""

Asks = Literal["packing", "instance"]
"""Which kind of problem file a subject reads."""

Moment = tuple[float, float]
"""Seconds since the subject began to solve, and the value that it had then."""


class PackingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A `VectorPacking` as plain JSON, for subjects that know nothing of placewright.

    Parameters
    ----------
    sizes : list of list of int
        A row per flavour, a column per resource.
    demand : list of int
        Items per flavour.
    capacities : list of list of int
        A row per type of bin.
    costs, limits : list of int
        What a bin of each type costs, and how many there are.
    """

    sizes: list[list[int]]
    demand: list[int]
    capacities: list[list[int]]
    costs: list[int]
    limits: list[int]
    name: str = ""

    @classmethod
    def of(cls, problem: VectorPacking, name: str = "") -> PackingFile:
        """Return what stands in the file of a problem."""
        return cls(
            sizes=problem.sizes.tolist(),
            demand=problem.demand.tolist(),
            capacities=problem.capacities.tolist(),
            costs=problem.costs.tolist(),
            limits=problem.available.tolist(),
            name=name,
        )

    @property
    def problem(self) -> VectorPacking:
        """The problem that the file states."""
        resources = len(self.capacities[0]) if self.capacities else 0
        return VectorPacking(
            np.array(self.sizes, dtype=np.int64).reshape(len(self.sizes), resources),
            np.array(self.demand, dtype=np.int64),
            np.array(self.capacities, dtype=np.int64).reshape(len(self.capacities), resources),
            np.array(self.costs, dtype=np.int64),
            np.array(self.limits, dtype=np.int64),
        )

    @classmethod
    def read(cls, path: Path) -> PackingFile:
        """Read a problem file."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """Write the problem file, whole or not at all."""
        write_bytes(path, msgspec.json.encode(self))


class Filling(msgspec.Struct, frozen=True):
    """How ``times`` bins of a type are filled: (flavour, count) pairs."""

    type: int
    times: int
    items: list[tuple[int, int]]


class Answer(msgspec.Struct, kw_only=True):
    """What a subject writes when it ends.

    Parameters
    ----------
    status : str
        OPTIMAL, FEASIBLE, INFEASIBLE or UNKNOWN.
    value, bound : number, optional
        As the subject sees them; the value is recomputed from what is packed.
    exact : bool
        Whether the bound was proved in exact arithmetic.
    proved_by : str
        Who proved the bound.
    patterns : list of Filling, optional
        The answer to a packing file: how the bins are filled.
    hosts : list of int, optional
        The answer to an instance file: the host's number of every VM, -1 without one.
    allocation : list of list of int, optional
        What every VM gets, in quanta of the instance, where the objective asks for it.
    cells : list of int, optional
        The NUMA cells of every VM as a bit mask, where hosts list some.
    output : str
        The answer to an instance file that stands in a result file of placewright's own.
    trace : list of (seconds, value)
        Every incumbent, in order.
    seconds : float, optional
        Solving by the subject's own clock, without starting up and reading; limits count this.
    memory : float, optional
        Peak memory in MB up to the end of solving, before the answer was written.
    versions : dict of str to str
        Of what it solved with.
    message : str
        What went wrong.
    """

    status: StatusWord
    value: float | None = None
    bound: float | None = None
    exact: bool = False
    proved_by: str = ""
    patterns: list[Filling] | None = None
    hosts: list[int] | None = None
    allocation: list[list[int]] | None = None
    cells: list[int] | None = None
    output: str = ""
    trace: list[Moment] = []
    seconds: float | None = None
    memory: float | None = None
    versions: dict[str, str] = {}
    message: str = ""

    @classmethod
    def read(cls, path: Path) -> Answer:
        """Read an answer file."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """Write the answer file, whole or not at all."""
        write_bytes(path, msgspec.json.encode(self))


def fillings_of(packing: Packing) -> list[Filling]:
    """Return a packing as an answer holds it."""
    return [
        Filling(int(kind), int(times), [(int(i), int(row[i])) for i in np.flatnonzero(row)])
        for kind, row, times in zip(packing.types, packing.patterns, packing.times, strict=True)
    ]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is published about an instance.

    Parameters
    ----------
    value : float, optional
        The best value published.
    bound : float, optional
        The best lower bound published.
    optimum : bool
        Whether ``value`` is a proved optimum.
    source : str
        Who published it.
    """

    value: float | None = None
    bound: float | None = None
    optimum: bool = False
    source: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What every subject is given alike.

    Parameters
    ----------
    seconds : float
        For solving, by the subject's own clock.
    memory : float, optional
        In MB, for the subject's private memory.
    grace : float
        Seconds beyond the limit, start-up and reading included, before it is ended by force.
    """

    seconds: float
    memory: float | None = None
    grace: float = 30.0

    @property
    def patience(self) -> float:
        """Seconds from start to a forced end."""
        return 1.5 * self.seconds + self.grace


class Record(msgspec.Struct, kw_only=True):
    """One row of results: one run of one subject on one instance.

    Parameters
    ----------
    family, group, instance, subject : str
        What was run; group divides a family, such as into the classes of a published set.
    seed : int
        The subject's seed: repeated runs differ in it.
    n, resources, flavours, types : int
        Items, resources, distinct items and host types.
    version : str
        Placewright's own, with the commit where known.
    versions, machine, cores, date
        With what, where, on how many cores and when it ran.
    limit : float
        Seconds allowed.
    wall, cpu : float
        Seconds of the whole process, children included in ``cpu``.
    seconds : float, optional
        Seconds of solving by the subject's own clock.
    memory : float, optional
        Peak of the largest process, in MB.
    solving_memory : float, optional
        The same up to the end of solving, by the subject's own word.
    status : str
    value : float, optional
        Recomputed from the placement where there is one (``verified``), otherwise claimed.
    bound : float, optional
        Claimed, and lifted to a whole number where values are whole.
    verified : bool
        Whether the judge accepted the placement and recomputed the value.
    proof : str
        ``exact`` or ``solver`` when a verified value meets its bound; empty otherwise.
    proved_by : str
    first : float, optional
        Seconds to the first incumbent.
    reference : float, optional
        What the primal integral is measured against.
    primal_integral : float, optional
        Berthold 2013, doi:10.1016/j.orl.2013.08.007, in seconds.
    known_value, known_bound, known_optimum, known_source
        What is published.
    trace : list of (seconds, value)
    message : str
        Why there is no answer, or what the judge found wrong.
    """

    family: str
    group: str = ""
    instance: str
    subject: str
    seed: int = 0
    n: int
    resources: int
    flavours: int
    types: int
    limit: float
    version: str = ""
    versions: dict[str, str] = {}
    machine: str = ""
    cores: int = 1
    date: str = ""
    wall: float = 0.0
    cpu: float = 0.0
    seconds: float | None = None
    memory: float | None = None
    solving_memory: float | None = None
    status: StatusWord = "UNKNOWN"
    value: float | None = None
    bound: float | None = None
    verified: bool = False
    proof: Proof = ""
    proved_by: str = ""
    first: float | None = None
    reference: float | None = None
    primal_integral: float | None = None
    known_value: float | None = None
    known_bound: float | None = None
    known_optimum: bool = False
    known_source: str = ""
    trace: list[Moment] = []
    message: str = ""

    @property
    def key(self) -> tuple[str, str, str, int, float]:
        """What tells runs apart: a campaign repeats none."""
        return (self.family, self.instance, self.subject, self.seed, self.limit)

    @property
    def proved(self) -> bool:
        """Whether the answer is a verified optimum, or proved to be none."""
        return bool(self.proof)

    @property
    def gap(self) -> float | None:
        """``(value - bound) / value``; None without both."""
        if self.value is None or self.bound is None:
            return None
        return 0.0 if self.value <= self.bound else (self.value - self.bound) / self.value

    @property
    def overrun(self) -> float | None:
        """Seconds of solving beyond the limit, 0 when it was kept."""
        return None if self.seconds is None else max(0.0, self.seconds - self.limit)
