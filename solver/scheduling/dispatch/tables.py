"""The fixed schedule: a dispatch table for every host, checked before it is returned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from formulations.scheduling.dispatch import DispatchQuestion, DispatchTable
from solver.deadline import Deadline
from solver.errors import VerificationError
from solver.result import Status
from solver.scheduling.dispatch.answer import DispatchAnswer, GangLength, Refusal
from solver.scheduling.dispatch.collecting import Collector
from solver.scheduling.dispatch.demand import HostDemand, Zone
from solver.scheduling.dispatch.frames import frames_worth_trying
from solver.scheduling.dispatch.refusal import RefusedError
from solver.scheduling.dispatch.spreading import spread
from solver.scheduling.dispatch.strands import Strand, strands_of
from solver.scheduling.dispatch.tabling import Scheduled, table_of
from solver.verifying.schedules.dispatch import check_dispatch

if TYPE_CHECKING:
    from solver.scheduling.dispatch.gangs import GangAnswer

GANG_SECONDS = 10.0
"""Time for the gangs of one host, unless the caller's deadline is nearer."""


def dispatch_tables(
    question: DispatchQuestion, *, seconds: float = 60.0, executor: Executor | None = None
) -> DispatchAnswer:
    """Make the dispatch table of every host in use.

    Parameters
    ----------
    question : DispatchQuestion
    seconds : float
        For all hosts together. Only bounds on blackouts and gangs need time; every host gets its
        part of what is left, and `GANG_SECONDS` at most.
    executor : concurrent.futures.Executor, optional
        Makes the tables of several hosts at once: a process pool, or a cluster's.

    Returns
    -------
    DispatchAnswer
        Every table in it has been replayed by `check_dispatch`.

    Raises
    ------
    VerificationError
        If the checker rejects a table: a defect, never a result.
    """
    deadline = Deadline(seconds)
    demands, refusals = _demands(question)
    settings = Wishes(question.frame, question.quantum, question.shortest)
    made = list(_made(demands, settings, deadline, executor))
    tables = tuple(found.table for found in made if isinstance(found, Made))
    refusals = sorted([*refusals, *(found for found in made if isinstance(found, Refusal))])
    lengths = tuple(length for found in made if isinstance(found, Made) for length in found.lengths)
    refused = {refusal.host for refusal in refusals}
    if faults := check_dispatch(question, tables, without=refused):
        raise VerificationError(f"a dispatch table is wrong: {faults[0]}")
    return DispatchAnswer(question, _status(refusals, lengths), tables, tuple(refusals), lengths, deadline.elapsed)


def _status(refusals: Sequence[Refusal], lengths: Sequence[GangLength]) -> Status:
    if any(refusal.proved for refusal in refusals):
        return Status.INFEASIBLE
    if refusals:
        return Status.UNKNOWN
    return Status.OPTIMAL if all(length.optimal for length in lengths) else Status.FEASIBLE


def _demands(question: DispatchQuestion) -> tuple[list[HostDemand], list[Refusal]]:
    collector = Collector(question)
    demands: list[HostDemand] = []
    refusals: list[Refusal] = []
    for host, vms in question.placement.members_by_host().items():
        try:
            demands.append(collector.demand(host, vms.tolist()))
        except RefusedError as refused:
            name = question.instance.host_names.name(host)
            refusals.append(Refusal(host, name, refused.message, refused.proved))
    return demands, refusals


@dataclass(frozen=True)
class Wishes:
    """What a question asks of every host alike: frame and quantum in microseconds, tight gangs or any."""

    frame: int | None
    quantum: int
    shortest: bool


@dataclass(frozen=True)
class Made:
    """A host's table, and how tightly its gangs are packed."""

    table: DispatchTable
    lengths: tuple[GangLength, ...]


def _made(
    demands: Sequence[HostDemand], wishes: Wishes, deadline: Deadline, executor: Executor | None
) -> Iterator[Made | Refusal]:
    if executor is not None:
        each = min(GANG_SECONDS, deadline.left)
        yield from executor.map(partial(made, wishes=wishes, seconds=each), demands, chunksize=1 + len(demands) // 64)
        return
    for position, demand in enumerate(demands):
        fair = max(deadline.left / (len(demands) - position), min(deadline.left, 1.0))
        yield made(demand, wishes, min(GANG_SECONDS, fair))


def made(demand: HostDemand, wishes: Wishes, seconds: float) -> Made | Refusal:
    """Make the table of one host, or say why there is none."""
    deadline = Deadline(seconds)
    first: RefusedError | None = None
    try:
        for frame in frames_worth_trying(list(demand.parts), wishes.frame, wishes.quantum):
            try:
                return _table(demand, frame, wishes, deadline)
            except RefusedError as refused:
                first = first or refused
            if deadline.over:
                break
    except RefusedError as refused:
        return Refusal(demand.host, demand.name, f"{demand.name}: {refused.message}", refused.proved)
    if first is None:
        raise AssertionError("there is a frame to try, or a reason why not")
    # A proof for one frame proves nothing for the others that bounds leave open.
    settled = wishes.frame is not None or not any(part.bound for part in demand.parts)
    return Refusal(demand.host, demand.name, first.message, first.proved and settled)


def _table(demand: HostDemand, frame: int, wishes: Wishes, deadline: Deadline) -> Made:
    zones: list[Scheduled] = []
    lengths: list[GangLength] = []
    for zone in demand.zones:
        try:
            strands = strands_of(zone, frame, wishes.quantum)
            if zone.gangs:
                answer = _gangs(zone, strands, frame, wishes, deadline)
                zones.append((strands, answer.runs))
                lengths.append(GangLength(demand.host, answer.length, answer.bound, answer.proved_by))
            else:
                (cores,) = zone.cores.values()
                zones.append((strands, spread(strands, cores, frame, wishes.quantum, deadline)))
        except RefusedError as refused:
            raise RefusedError(f"{zone.name}: {refused.message}", proved=refused.proved) from None
    return Made(table_of(demand, frame, zones), tuple(lengths))


def _gangs(zone: Zone, strands: Sequence[Strand], frame: int, wishes: Wishes, deadline: Deadline) -> GangAnswer:
    from solver.scheduling.dispatch.gangs import GangSearch  # noqa: PLC0415 - most tables need no integer program

    search = GangSearch(
        strands, zone.cores, frame=frame, quantum=wishes.quantum, shortest=wishes.shortest, deadline=deadline
    )
    return search.answer()
