"""Gangs on cores: side by side in one piece where that fits, else by the integer program."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from formulations.scheduling.gang import GangKind, GangProgram
from solver.backends import Settings, Solution, backend_named
from solver.deadline import Deadline
from solver.errors import BackendError
from solver.scheduling.dispatch.refusal import RefusedError
from solver.scheduling.dispatch.spreading import check_runs, least_runs, parts_worth_trying, within
from solver.scheduling.dispatch.strands import Run, Strand
from solver.scheduling.dispatch.transport import dealt
from solver.scheduling.dispatch.wrapping import wrapped

log = logging.getLogger("placewright")

SHUFFLES = 12
"""Random orders tried when gangs are laid side by side in one piece."""

MOST_PROGRAMS = 3
"""Ways of cutting the frame for which the integer program is solved."""

ROUGH = 0.01
"""Gap at which the program may stop while it is only asked whether the gangs fit."""


@dataclass(frozen=True)
class Packed:
    """Gangs laid over cores.

    Attributes
    ----------
    runs : tuple of Run
    length : int
        When the last of them ends.
    """

    runs: tuple[Run, ...]
    length: int


@dataclass(frozen=True)
class GangAnswer:
    """The schedule of a zone with gangs.

    Attributes
    ----------
    runs : list of Run
    length : int or None
        How much of the frame is used; None where bounds on blackouts cut the frame.
    bound : int
        No schedule of the gangs is shorter.
    proved_by : str
        Who proved the bound.
    """

    runs: list[Run]
    length: int | None
    bound: int
    proved_by: str


class GangSearch:
    """Schedules the strands of a zone in which some are gangs.

    Parameters
    ----------
    strands : sequence of Strand
        vCPUs by themselves too.
    cores : mapping of int to (sequence of int)
        The cores per NUMA cell.
    frame, quantum : int
    shortest : bool
        Whether to look for the least length; else any that fits the frame will do.
    deadline : Deadline
    """

    def __init__(
        self,
        strands: Sequence[Strand],
        cores: Mapping[int, Sequence[int]],
        *,
        frame: int,
        quantum: int,
        shortest: bool,
        deadline: Deadline,
    ) -> None:
        self._strands, self._frame, self._quantum = strands, frame, quantum
        self._shortest, self._deadline = shortest, deadline
        self._cores = {cell: tuple(own) for cell, own in sorted(cores.items())}
        self._widths = [
            tuple(sum(1 for at, _ in strand.vcpus if at == cell) for cell in self._cores) for strand in strands
        ]
        self._bound, self._proved_by = 0, ""
        self._programs = 0

    def answer(self) -> GangAnswer:
        """Return a schedule that meets everything.

        Raises
        ------
        RefusedError
            If there is none, with proof, or none was found.
        """
        self._check_widths()
        check_runs(self._strands, self._frame, self._quantum)
        self._prove_by_volume()
        if all(least_runs(strand, self._frame) == 1 for strand in self._strands):
            times = [strand.time for strand in self._strands]
            packed = self._packed(times, self._frame, shortest=self._shortest)
            if packed is not None and self._meets(packed.runs):
                return GangAnswer(list(packed.runs), packed.length, self._bound, self._proved_by)
        elif (runs := self._in_parts()) is not None:
            return GangAnswer(runs, None, self._bound, self._proved_by)
        raise self._not_found()

    def _check_widths(self) -> None:
        have = [len(own) for own in self._cores.values()]
        for strand, width in zip(self._strands, self._widths, strict=True):
            for need, cores in zip(width, have, strict=True):
                if need > cores:
                    message = f"the {need} vCPUs of {strand.name} cannot run at the same time on {cores} cores"
                    raise RefusedError(message, proved=True)

    def _prove_by_volume(self) -> None:
        """Prove what each cell needs: core time in all, and gangs too wide to run side by side."""
        for column, own in enumerate(self._cores.values()):
            needs = [(width[column], strand.time) for width, strand in zip(self._widths, self._strands, strict=True)]
            volume = -(-sum(need * time for need, time in needs) // max(1, len(own)))
            wide = sum(time for need, time in needs if 2 * need > len(own))
            self._learn(volume, "volume")
            self._learn(wide, "gangs that exclude each other")
        self._learn(max((strand.time for strand in self._strands), default=0), "longest time")

    def _learn(self, bound: int, by: str) -> None:
        """Take over a bound; refuse when it exceeds the frame."""
        if bound > self._bound:
            self._bound, self._proved_by = bound, by
        if self._bound > self._frame:
            message = f"its gangs need {self._bound:,} µs side by side in a frame of {self._frame:,} µs ({by})"
            raise RefusedError(message, proved=True)

    def _meets(self, runs: Sequence[Run]) -> bool:
        timed = ((run.strand, run.start, run.end) for run in runs)
        return within(timed, self._strands, self._frame, self._quantum)

    def _not_found(self) -> RefusedError:
        late = " in time" if self._deadline.over else ""
        bounds = ", blackouts within their bounds" if any(strand.bound for strand in self._strands) else ""
        slices = f", slices of at least {self._quantum:,} µs" if self._quantum > 1 else ""
        return RefusedError(
            f"no table was found{late} in which the vCPUs of gangs run together{bounds}{slices}", proved=False
        )

    # -- with bounds on blackouts ----------------------------------------------------------------

    def _in_parts(self) -> list[Run] | None:
        """Cut the frame into equal parts with the same schedule in each."""
        for parts in parts_worth_trying(self._strands, self._frame, self._quantum):
            times = [-(-strand.time // parts) for strand in self._strands]
            if self._deadline.over:
                return None
            packed = self._packed(times, self._frame // parts, shortest=False)
            if packed is not None:
                runs = self._repeated(packed.runs, times, parts)
                if self._meets(runs):
                    return runs
        return None

    def _repeated(self, runs: Sequence[Run], times: Sequence[int], parts: int) -> list[Run]:
        """Return the runs of a part in every part, a microsecond shorter where they give too much."""
        extra = [parts * time - strand.time for time, strand in zip(times, self._strands, strict=True)]
        longest: dict[int, Run] = {}
        for run in runs:
            known = longest.get(run.strand)
            if known is None or run.end - run.start > known.end - known.start:
                longest[run.strand] = run
        done: list[Run] = []
        for part in range(parts):
            begin = self._frame * part // parts
            for run in runs:
                less = part < extra[run.strand] and run is longest[run.strand]
                if run.end - run.start > less:
                    done.append(run._replace(start=begin + run.start, end=begin + run.end - less))
        return done

    # -- packing -----------------------------------------------------------------------------------

    def _packed(self, times: Sequence[int], length: int, *, shortest: bool) -> Packed | None:
        """Return a packing no longer than ``length``, or None."""
        best: Packed | None = None
        for order in self._orders(times):
            found = self._side_by_side(order, times)
            if best is None or found.length < best.length:
                best = found
            if best.length <= (self._bound if shortest else length):
                return best
        if length == self._frame or self._programs < MOST_PROGRAMS:
            found_too = self._by_program(times, length, shortest=shortest)
            best = min((found for found in (best, found_too) if found), key=lambda found: found.length, default=None)
        return best if best is not None and best.length <= length else None

    def _orders(self, times: Sequence[int]) -> Iterator[list[int]]:
        given = range(len(times))
        size = [sum(width) for width in self._widths]
        yield sorted(given, key=lambda n: (-size[n], -times[n]))
        yield sorted(given, key=lambda n: (-times[n], -size[n]))
        yield sorted(given, key=lambda n: -size[n] * times[n])
        rng = np.random.default_rng(0)
        for _ in range(SHUFFLES):
            yield sorted(given, key=lambda n: -size[n] * times[n] * rng.uniform(0.5, 1.0))

    def _side_by_side(self, order: Sequence[int], times: Sequence[int]) -> Packed:
        """Give every strand one run, at the earliest time at which cores are free for all of it."""
        busy = _Busy(self._cores)
        runs = [busy.earliest(number, self._widths[number], times[number]) for number in order]
        return Packed(tuple(runs), max((run.end for run in runs), default=0))

    def _by_program(self, times: Sequence[int], length: int, *, shortest: bool) -> Packed | None:
        """Solve the integer program and lay its patterns one after the other."""
        self._programs += 1
        members: dict[tuple[int, ...], list[int]] = {}
        for number in sorted(range(len(times)), key=lambda n: -times[n]):
            members.setdefault(self._widths[number], []).append(number)
        widths = sorted(members, key=lambda width: (-sum(width), width))
        kinds = [GangKind(width, tuple(times[n] for n in members[width])) for width in widths]
        program = GangProgram(kinds, [len(own) for own in self._cores.values()])
        whole_frame = length == self._frame
        lasting = self._solved(program, length, shortest=shortest, whole_frame=whole_frame)
        if lasting is None or (sum(lasting) > length and not whole_frame):
            return None
        return self._decoded(program, lasting, [members[width] for width in widths])

    def _solved(self, program: GangProgram, length: int, *, shortest: bool, whole_frame: bool) -> list[int] | None:
        """Return how long each pattern lasts; learn what is proved on the way."""
        start, prices = _relaxed(program)
        if whole_frame:
            self._learn(program.proved_by_prices(prices), "prices of the gang program, checked in integers")
        best: list[int] | None = None
        for gap in (0.0,) if shortest else (ROUGH, 0.0):
            solution = self._run(program, gap, best or start)
            if solution is None:
                return best
            if whole_frame and solution.bound is not None and program.patterns.complete:
                self._learn(ceil(solution.bound - 1e-6 * max(1.0, solution.bound)), solution.backend)
            found = program.decode(solution.values) if solution.found else None
            if found is not None and (best is None or sum(found) < sum(best)):
                best = found
            if self._deadline.over or (best is not None and sum(best) <= length):
                return best
        return best

    def _run(self, program: GangProgram, gap: float, start: Sequence[int]) -> Solution | None:
        values = {variable.name: float(time) for variable, time in zip(program.lasting, start, strict=True)}
        try:
            return backend_named("cbc").solve(
                program.problem, deadline=self._deadline, settings=Settings(gap=gap), start=values
            )
        except BackendError as error:
            log.warning("the gang program could not be solved: %s", error)
            return None

    def _decoded(self, program: GangProgram, lasting: Sequence[int], members: Sequence[Sequence[int]]) -> Packed | None:
        """Deal the gangs out to the patterns and lay each pattern's gangs over the cores."""
        column = np.array(lasting, dtype=np.int64)
        amounts = []
        for number, kind in enumerate(program.kinds):
            counts = program.patterns.counts[:, number]
            most = np.where(counts > 0, column, 0)[None, :].repeat(len(kind.times), axis=0)
            dealt_out = dealt(np.array(kind.times, dtype=np.int64), most, counts * column)
            if dealt_out is None:
                return None
            amounts.append(dealt_out)
        runs: list[Run] = []
        begin = 0
        for pattern in np.flatnonzero(column).tolist():
            lanes = self._lanes(program.kinds, program.patterns.counts[pattern].tolist())
            for number, own in enumerate(members):
                runs += _laid(amounts[number][:, pattern], own, lanes[number], begin, lasting[pattern])
            begin += lasting[pattern]
        return Packed(tuple(_joined(runs)), begin)

    def _lanes(self, kinds: Sequence[GangKind], counts: Sequence[int]) -> list[list[tuple[int, ...]]]:
        """Return per kind the cores of every gang that runs side by side."""
        free = [iter(own) for own in self._cores.values()]
        return [
            [
                tuple(next(cell) for cell, need in zip(free, kind.width, strict=True) for _ in range(need))
                for _ in range(count)
            ]
            for kind, count in zip(kinds, counts, strict=True)
        ]


def _laid(
    amounts: NDArray[np.int64], members: Sequence[int], lanes: Sequence[tuple[int, ...]], begin: int, length: int
) -> Iterator[Run]:
    """Yield the runs of one kind of gang within a pattern: wrapped around over its lanes."""
    here = np.flatnonzero(amounts).tolist()
    pieces = wrapped(amounts[here].tolist(), len(lanes), length)
    for piece in pieces or ():
        yield Run(members[here[piece.item]], begin + piece.start, begin + piece.end, lanes[piece.core])


def _joined(runs: Sequence[Run]) -> list[Run]:
    """Return runs with those joined that go on on the same cores."""
    done: list[Run] = []
    for run in sorted(runs):
        if done and (done[-1].strand, done[-1].end, done[-1].cores) == (run.strand, run.start, run.cores):
            done[-1] = done[-1]._replace(end=run.end)
        else:
            done.append(run)
    return done


def _relaxed(program: GangProgram) -> tuple[list[int], list[float]]:
    """Solve the relaxation: a solution rounded up, which is feasible, and the rows' prices."""
    from scipy.optimize import linprog  # noqa: PLC0415 - scipy.optimize takes 0.4 s to import

    rows = list(program.rows())
    matrix = np.array([row for _, row, _ in rows], dtype=np.float64)
    needed = np.array([need for _, _, need in rows], dtype=np.float64)
    answer = linprog(np.ones(matrix.shape[1]), A_ub=-matrix, b_ub=-needed, method="highs")
    if answer.x is None:
        return [int(needed.max())] * matrix.shape[1], [0.0] * len(rows)
    return [ceil(value - 1e-9) for value in answer.x], [-price for price in answer.ineqlin.marginals]


class _Busy:
    """Which cores are busy when, while strands are laid one after the other."""

    def __init__(self, cores: Mapping[int, Sequence[int]]) -> None:
        self._cores = [np.array(own, dtype=np.int64) for own in cores.values()]
        self._size = 1 + max((int(own.max(initial=0)) for own in self._cores), default=0)
        self._taken: list[tuple[int, int, int]] = []
        self._ends: NDArray[np.int64] = np.zeros(self._size, dtype=np.int64)

    def earliest(self, number: int, width: Sequence[int], time: int) -> Run:
        """Return the earliest run of a strand, on the cores that were busy last; note it."""
        table = np.array(self._taken, dtype=np.int64).reshape(-1, 3)
        for start in sorted({0, *table[:, 2].tolist()}):
            free = np.ones(self._size, dtype=np.bool_)
            free[table[(table[:, 1] < start + time) & (table[:, 2] > start), 0]] = False
            here = [own[free[own]] for own in self._cores]
            if all(len(own) >= need for own, need in zip(here, width, strict=True)):
                chosen = tuple(core for own, need in zip(here, width, strict=True) for core in self._best(own, need))
                self._taken += [(core, start, start + time) for core in chosen]
                self._ends[list(chosen)] = np.maximum(self._ends[list(chosen)], start + time)
                return Run(number, start, start + time, chosen)
        raise AssertionError("after everything else has ended, all cores are free")

    def _best(self, free: NDArray[np.int64], need: int) -> list[int]:
        order = np.argsort(-self._ends[free], kind="stable")
        chosen: list[int] = np.sort(free[order[:need]]).tolist()
        return chosen
