"""Spreads the runs of vCPUs over the frame so that no blackout exceeds its bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solver.deadline import Deadline
from solver.scheduling.dispatch.blackout import longest_gap
from solver.scheduling.dispatch.refusal import RefusedError
from solver.scheduling.dispatch.strands import Run, Strand
from solver.scheduling.dispatch.transport import dealt
from solver.scheduling.dispatch.wrapping import Piece, whole, wrapped

Integers = NDArray[np.int64]
Way = Literal["few", "many", "even"]
WAYS: tuple[Way, ...] = ("few", "many", "even")
"""How often strands run that need not run in every part of the frame: as seldom as they may, in lengths that
may differ, or in every part wherever the quantum allows it."""

MOST_PARTS = 4096
"""Into how many parts a frame is cut at most."""

MOST_ATTEMPTS = 60
"""Ways of giving some strands cores of their own that are tried."""

MOST_OFFSETS = 16
"""First parts that are tried for a strand that runs in every so many."""

MOST_RUNS = 2_000_000
"""Runs of one zone at most: more than any dispatcher would follow."""


def least_runs(strand: Strand, frame: int) -> int:
    """Return in how many runs a strand must be cut at least so that its blackouts stay within its bound."""
    idle = frame - strand.time
    return max(1, -(-idle // strand.bound)) if strand.bound else 1


def check_runs(strands: Sequence[Strand], frame: int, quantum: int) -> None:
    """Refuse a strand whose bound asks for more runs than the quantum allows.

    ``n`` runs leave ``n`` gaps, which together last as long as the strand does not run. So a bound
    ``b`` asks for ``n >= (frame - time) / b`` and a quantum ``q`` for ``n <= time / q``.

    Raises
    ------
    RefusedError
        Which is a proof.
    """
    for strand in strands:
        runs = least_runs(strand, frame)
        if runs * quantum > strand.time:
            message = (
                f"{strand.name} runs {strand.time:,} of {frame:,} µs per vCPU: blackouts of at most "
                f"{strand.bound:,} µs need {runs:,} runs, and a quantum of {quantum:,} µs allows "
                f"{strand.time // quantum:,}"
            )
            raise RefusedError(message, proved=True)


def parts_worth_trying(strands: Sequence[Strand], frame: int, quantum: int) -> Iterator[int]:
    """Yield into how many parts the frame may be cut: few first, denser where it matters."""
    parts = max(least_runs(strand, frame) for strand in strands)
    most = min(MOST_PARTS, frame // quantum, MOST_RUNS // len(strands))
    while parts <= most:
        yield parts
        parts += max(1, parts // 8)


def spread(strands: Sequence[Strand], cores: Sequence[int], frame: int, quantum: int, deadline: Deadline) -> list[Run]:
    """Schedule strands of one vCPU each on the cores of a cell.

    Without bounds that bind, nobody is cut where that is possible, else the strands are wrapped
    around once. Otherwise the frame is cut into equal parts and every part is wrapped around by
    itself (cf. DP-Wrap: Levin, Funk, Sadowski, Pye and Brandt, DP-FAIR, ECRTS 2010). A strand with a tight
    bound runs in every part at about the same place, one with a loose bound in every so many parts,
    one without in those that have room; an integral flow finds how long.

    Raises
    ------
    RefusedError
        If what is asked is impossible, or nothing was found.
    """
    check_runs(strands, frame, quantum)
    search = _Search(frame, quantum, deadline)
    if (pieces := search.found(strands, len(cores))) is not None:
        return [Run(piece.item, piece.start, piece.end, (cores[piece.core],)) for piece in pieces]
    if all(least_runs(strand, frame) == 1 for strand in strands):
        raise _not_cut(cores, quantum)
    late = " in time" if deadline.over else ""
    raise RefusedError(
        f"no table was found{late} with blackouts within their bounds and slices of at least {quantum:,} µs on "
        f"{len(cores)} cores, however the frame was cut; looser bounds or a smaller quantum may do",
        proved=False,
    )


class _Search:
    """Looks for a table, and where all strands together have none, on fewer cores for some of them."""

    def __init__(self, frame: int, quantum: int, deadline: Deadline) -> None:
        self._frame, self._quantum, self._deadline = frame, quantum, deadline
        self._left = MOST_ATTEMPTS

    def found(self, strands: Sequence[Strand], cores: int) -> list[Piece] | None:
        """Return the pieces of a table, or None."""
        if not strands:
            return []
        pieces = self._together(strands, cores)
        return self._apart(strands, cores) if pieces is None else pieces

    def _together(self, strands: Sequence[Strand], cores: int) -> list[Piece] | None:
        times = [strand.time for strand in strands]
        if all(least_runs(strand, self._frame) == 1 for strand in strands):
            return whole(times, cores, self._frame) or wrapped(times, cores, self._frame, self._quantum)
        for parts in parts_worth_trying(strands, self._frame, self._quantum):
            attempt = _Attempt(strands, cores, self._frame, self._quantum, parts)
            for way in WAYS:
                if self._deadline.over:
                    return None
                pieces = attempt.pieces(way)
                if pieces is not None and within(_timed(pieces), strands, self._frame, self._quantum):
                    return pieces
        return None

    def _apart(self, strands: Sequence[Strand], cores: int) -> list[Piece] | None:
        """Give the strands that must run most often cores of their own."""
        order = sorted(range(len(strands)), key=lambda number: -least_runs(strands[number], self._frame))
        for few in range(1, cores):
            tight, loose = self._split(strands, order, few)
            if self._deadline.over or self._left <= 0:
                return None
            if not loose or sum(strands[number].time for number in loose) > (cores - few) * self._frame:
                continue
            self._left -= 1
            first = self._together([strands[number] for number in tight], few)
            if (
                first is not None
                and (rest := self.found([strands[number] for number in loose], cores - few)) is not None
            ):
                moved = [piece._replace(item=loose[piece.item], core=few + piece.core) for piece in rest]
                return [piece._replace(item=tight[piece.item]) for piece in first] + moved
        return None

    def _split(self, strands: Sequence[Strand], order: Sequence[int], few: int) -> tuple[list[int], list[int]]:
        """Return who fits a few cores, those that run most often first, and who is left."""
        tight: list[int] = []
        loose: list[int] = []
        room = few * self._frame
        for number in order:
            fits = strands[number].time <= room
            (tight if fits else loose).append(number)
            room -= strands[number].time if fits else 0
        return tight, loose


def within(runs: Iterable[tuple[int, int, int]], strands: Sequence[Strand], frame: int, quantum: int) -> bool:
    """Return whether every run (strand, start, end) is long enough and every blackout short enough."""
    times: list[list[tuple[int, int]]] = [[] for _ in strands]
    for number, start, end in runs:
        if end - start < quantum:
            return False
        times[number].append((start, end))
    for strand, own in zip(strands, times, strict=True):
        gap = longest_gap(own, frame)
        if gap is None or (strand.bound and gap > strand.bound):
            return False
    return True


def _timed(pieces: Sequence[Piece]) -> Iterator[tuple[int, int, int]]:
    return ((piece.item, piece.start, piece.end) for piece in pieces)


def _not_cut(cores: Sequence[int], quantum: int) -> RefusedError:
    message = (
        f"no table with slices of at least {quantum:,} µs was found on {len(cores)} cores: they are so full that "
        "VMs must be cut; a smaller quantum or a longer frame may do"
    )
    return RefusedError(message, proved=False)


@dataclass(frozen=True)
class _Plan:
    """In which parts of the frame each strand runs, and for how long at least and at most.

    Attributes
    ----------
    low, high : int64 arrays, shape (strands, parts)
    order : list of int
        The strands as they are laid in every part: those that keep their place first.
    """

    low: Integers
    high: Integers
    order: list[int]


class _Attempt:
    """One way of cutting the frame into parts."""

    def __init__(self, strands: Sequence[Strand], cores: int, frame: int, quantum: int, parts: int) -> None:
        self._strands, self._cores, self._quantum, self._parts = strands, cores, quantum, parts
        self._cuts = [frame * part // parts for part in range(parts + 1)]
        self._lengths: Integers = np.array([end - start for start, end in pairwise(self._cuts)], dtype=np.int64)
        self._longest, self._shortest = int(self._lengths.max()), int(self._lengths.min())

    def pieces(self, way: Way) -> list[Piece] | None:
        """Return pieces in the time of the frame, adjacent ones joined; None where there is no such plan."""
        plan = self._plan(way)
        if plan is None:
            return None
        supply = np.array([strand.time for strand in self._strands], dtype=np.int64) - plan.low.sum(axis=1)
        room = self._cores * self._lengths - plan.low.sum(axis=0)
        if int(supply.min()) < 0:
            return None
        more = dealt(supply, plan.high - plan.low, room)
        return None if more is None else self._laid(plan.low + more, plan.order)

    def _plan(self, way: Way) -> _Plan | None:
        """Decide who runs in which parts: the tightest first, each where least is going on."""
        shape = (len(self._strands), self._parts)
        low, high = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        load = np.zeros(self._parts, dtype=np.float64)
        rank: list[tuple[int, int, int]] = []
        for number in sorted(range(len(self._strands)), key=self._tightness):
            strand = self._strands[number]
            chosen = self._bounded(strand, load, way) if strand.bound else self._unbounded(strand, load, way)
            if chosen is None:
                return None
            columns, least, most = chosen
            high[number, columns] = np.minimum(most, self._lengths[columns])
            low[number, columns] = np.minimum(least, high[number, columns])
            load[columns] += strand.time / len(columns)
            rank.append((-len(columns) if strand.bound else 1, -strand.time, number))
        return _Plan(low, high, [number for _, _, number in sorted(rank)])

    def _tightness(self, number: int) -> tuple[bool, int, int]:
        strand = self._strands[number]
        return not strand.bound, strand.bound, -strand.time

    def _bounded(self, strand: Strand, load: NDArray[np.float64], way: Way) -> tuple[Integers, int, int] | None:
        """Return evenly spaced parts for a strand with a bound, and its least and most time in each."""
        steady = self._longest - strand.time // self._parts <= strand.bound
        runs = self._parts if way == "even" and steady else self._fewest(strand)
        if runs is None:
            if not steady:
                return None
            runs = self._parts
        each, rest = divmod(strand.time, runs)
        if each < self._quantum or each + (rest > 0) > self._longest:
            return None
        steps = np.arange(runs, dtype=np.int64) * self._parts // runs
        offsets = range(max(1, min(MOST_OFFSETS, self._parts // runs)))
        best = min(offsets, key=lambda offset: float(load[(steps + offset) % self._parts].max()))
        columns = (steps + best) % self._parts
        if way == "many" and runs < self._parts:
            return columns, max(self._quantum, each // 2), each + each // 2 + 1
        return columns, each, each + (rest > 0)

    def _fewest(self, strand: Strand) -> int | None:
        """Return in how few parts a strand may run wherever it lies in them; None where all are too few.

        From a run at the beginning of one part to a run at the end of the part ``stride`` later,
        nothing runs for ``stride + 1`` parts less the two runs.
        """
        stride = min(self._parts, (strand.bound + 2 * strand.time) // self._longest)
        for step in range(stride, 0, -1):
            runs = -(-self._parts // step)
            gap = (step + 1) * self._longest - 2 * (strand.time // runs)
            if gap <= strand.bound and strand.time <= runs * self._shortest:
                return runs
        return None

    def _unbounded(self, strand: Strand, load: NDArray[np.float64], way: Way) -> tuple[Integers, int, int] | None:
        """Return the parts with the most room for a strand without a bound."""
        least = -(-strand.time // self._shortest)
        most = min(self._parts, strand.time // self._quantum)
        least = min(least, self._parts)  # one that runs all the time needs every part
        if most < least:
            return None
        runs = least if way == "few" else most
        columns = np.sort(np.argsort(load, kind="stable")[:runs])
        return columns, self._quantum, self._longest

    def _laid(self, amounts: Integers, order: Sequence[int]) -> list[Piece] | None:
        """Wrap every part around and join what is adjacent."""
        pieces: list[Piece] = []
        for part, start in enumerate(self._cuts[:-1]):
            items = [number for number in order if amounts[number, part]]
            times = [int(amounts[number, part]) for number in items]
            laid = wrapped(times, self._cores, int(self._lengths[part]), self._quantum)
            if laid is None:
                return None
            pieces += [Piece(items[at], core, start + begin, start + end) for at, core, begin, end in laid]
        return joined(pieces)


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Return pieces with those joined that follow each other on a core."""
    done: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: (piece.core, piece.start)):
        last = done[-1] if done else None
        if last is not None and (last.item, last.core, last.end) == (piece.item, piece.core, piece.start):
            done[-1] = last._replace(end=piece.end)
        else:
            done.append(piece)
    return done
