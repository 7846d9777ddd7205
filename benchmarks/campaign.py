"""Campaigns: every subject on every instance, equal limits, one core each, resumable."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path

from benchmarks.families.base import Case
from benchmarks.machine import available_cores, code_version, machine, total_memory
from benchmarks.measuring import Task, measure
from benchmarks.problems import Problem, write_problem
from benchmarks.protocol import Limits, Record
from benchmarks.results import Results
from benchmarks.subjects import subject_named
from formulations.errors import InputError

log = logging.getLogger("placewright")

Progress = Callable[[Record, int, int], None]
"""Told of every finished run, and how many of how many are done."""


@dataclass(frozen=True)
class Plan:
    """What a campaign runs.

    Parameters
    ----------
    cases : sequence of Case
    subjects : sequence of str
    limits : Limits
    seeds : sequence of int
        Of the subjects: a run per seed.
    """

    cases: Sequence[Case]
    subjects: Sequence[str]
    limits: Limits
    seeds: Sequence[int] = (0,)

    def runs(self) -> Iterator[tuple[Case, str, int]]:
        """Yield every run: all subjects on one instance before the next, so that early rows compare."""
        for case in self.cases:
            for subject in self.subjects:
                yield from ((case, subject, seed) for seed in self.seeds)

    def key(self, case: Case, subject: str, seed: int) -> tuple[str, str, str, int, float]:
        """Return what tells the run's record from others."""
        return (case.family, case.name, subject, seed, float(self.limits.seconds))


@dataclass
class Campaign:
    """A plan being carried out.

    Parameters
    ----------
    plan : Plan
    results : Results
        Rows that are there are not run again.
    folder : Path
        For problem files; one that every worker sees.
    jobs : int
        Runs at a time, each on a core of its own.
    again : set of str
        Statuses whose runs are done again, such as CRASHED.
    progress : callable, optional
    """

    plan: Plan
    results: Results
    folder: Path
    jobs: int = 1
    again: frozenset[str] = frozenset()
    progress: Progress | None = None
    _problems: dict[str, Problem] = field(default_factory=dict)

    def run(self, executor: Executor | None = None) -> int:
        """Carry out what is missing and return how many runs that was.

        Parameters
        ----------
        executor : Executor, optional
            Where runs are done; by default a local pool of processes with a core each. Its
            workers need the same files.

        Raises
        ------
        InputError
            If there are fewer cores than jobs, or a subject is unknown or absent.
        """
        for name in self.plan.subjects:
            if (reason := subject_named(name).absent()) is not None:
                raise InputError(f"{name} cannot be run here: {reason}")
        self._check_cores()
        missing = self.missing()
        if executor is not None:
            return self._work(executor, missing, measure)
        with local_pool(self.jobs) as pool:
            return self._work(pool, missing, measure_on_own_core)

    def _check_cores(self) -> None:
        """See that the jobs of one machine do not take cores from one another."""
        most = max((subject_named(name).cores for name in self.plan.subjects), default=1)
        if most > 1 and self.jobs * most > len(available_cores()):
            raise InputError(f"{self.jobs} jobs of {most} cores each need more cores than there are", "jobs")

    def missing(self) -> list[tuple[Case, str, int]]:
        """Return the runs that have no row yet."""
        done = {record.key for record in self.results.read() if record.status not in self.again}
        return [run for run in self.plan.runs() if self.plan.key(*run) not in done]

    def _work(self, executor: Executor, runs: list[tuple[Case, str, int]], work: Callable[[Task], Record]) -> int:
        """Keep two runs per job under way; write each row when its run ends."""
        version, where = code_version(), machine()
        under_way: set[Future[Record]] = set()
        done = 0
        for number, (case, subject, seed) in enumerate(runs):
            if number >= 2 * self.jobs:
                done = self._collect(under_way, done, len(runs))
            task = Task(
                problem=self.problem(case),
                subject=subject,
                limits=self.plan.limits,
                seed=seed,
                version=version,
                machine=where,
            )
            under_way.add(executor.submit(work, task))
        while under_way:
            done = self._collect(under_way, done, len(runs))
        return done

    def _collect(self, under_way: set[Future[Record]], done: int, total: int) -> int:
        finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in finished:
            under_way.discard(future)
            record = future.result()
            self.results.append(record)
            done += 1
            if self.progress is not None:
                self.progress(record, done, total)
        return done

    def problem(self, case: Case) -> Problem:
        """Return the problem files of a case, written at its first use."""
        if case.title not in self._problems:
            self._problems[case.title] = write_problem(case, self.folder)
        return self._problems[case.title]


def warm_up(subjects: Iterable[str], cases: Iterable[Case], folder: Path, limits: Limits) -> None:
    """Run every subject once on small cases, unrecorded: compiled code is then on the disk."""
    problems = [write_problem(case, folder) for case in cases]
    for name in subjects:
        for problem in problems:
            measure(Task(problem=problem, subject=name, limits=limits))


def default_memory(jobs: int) -> float:
    """Return the MB that each run may take: nine tenths of the machine's, shared out."""
    return 0.9 * total_memory() / jobs


@contextlib.contextmanager
def local_pool(jobs: int) -> Iterator[Executor]:
    """Return a pool of processes that each own one core.

    Raises
    ------
    InputError
        If there are fewer cores than jobs.
    """
    cores = available_cores()
    if not 1 <= jobs <= len(cores):
        raise InputError(f"expected 1 to {len(cores)} jobs, one per core, got {jobs}", "jobs")
    context = multiprocessing.get_context("spawn")
    queue: Queue[int | None] = context.Queue()
    for core in cores[:jobs]:
        queue.put(core)
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_take_core, initargs=(queue,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Own:
    """The core that this worker owns, and whether somebody pressed Ctrl-C."""

    core: int | None = None
    stopped = False


def _take_core(queue: Queue[int | None]) -> None:
    _Own.core = queue.get()


def measure_on_own_core(task: Task) -> Record:
    """Run a task on the core that this worker owns; after a Ctrl-C no further one.

    Raises
    ------
    KeyboardInterrupt
        For this task and for those that wait in the worker's queue, where nobody can cancel them.
    """
    if _Own.stopped:
        raise KeyboardInterrupt
    try:
        return measure(task, _Own.core)
    except KeyboardInterrupt:
        _Own.stopped = True
        raise
