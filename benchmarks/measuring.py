"""One run: a subject in a process of its own, metered, judged and recorded."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import benchmarks
from benchmarks.comparing.anytime import first_of, primal_integral
from benchmarks.judging import Judgement, judge
from benchmarks.problems import Problem
from benchmarks.protocol import Answer, Limits, Proof, Record, StatusWord
from benchmarks.subjects import Run, subject_named

ROOT = Path(benchmarks.__file__).parent.parent

SLACK = 1e-6
"""How far below a whole number a bound computed in floats may lie and still be lifted to it."""

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a process used: seconds, MB, exit code, and whether it was ended by force."""

    wall: float
    cpu: float
    memory: float
    code: int
    forced: bool


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One run to be done, as plain data that may travel to another machine with the same files.

    Parameters
    ----------
    problem : Problem
    subject : str
    limits : Limits
    seed : int
    version, machine : str
    """

    problem: Problem
    subject: str
    limits: Limits
    seed: int = 0
    version: str = ""
    machine: str = ""

    @property
    def blank(self) -> Record:
        """The record of the run as far as it is known before it."""
        problem, known = self.problem, self.problem.known
        return Record(
            family=problem.family,
            group=problem.group,
            instance=problem.name,
            subject=self.subject,
            seed=self.seed,
            n=problem.n,
            resources=problem.resources,
            flavours=problem.flavours,
            types=problem.types,
            limit=self.limits.seconds,
            version=self.version,
            machine=self.machine,
            known_value=known.value,
            known_bound=known.bound,
            known_optimum=known.optimum,
            known_source=known.source,
        )


def measure(task: Task, core: int | None = None) -> Record:
    """Run a task on a core, or wherever the system likes, and return its record, whatever happens.

    A subject that is made for several cores runs wherever the system likes.

    Raises
    ------
    InputError
        If there is no such subject.
    """
    subject = subject_named(task.subject)
    record = task.blank
    record.cores = subject.cores
    record.date = datetime.now(UTC).isoformat(timespec="seconds")
    path = task.problem.path(subject.asks)
    if path is None:
        record.status, record.message = "SKIPPED", "the instance is no vector packing"
        return record
    with tempfile.TemporaryDirectory(prefix="placewright-") as name:
        folder = Path(name)
        run = Run(path, folder / "answer.json", task.limits.seconds, task.seed)
        usage = metered(subject.command(run), folder, task.limits, core if subject.cores == 1 else None)
        record.wall, record.cpu, record.memory = usage.wall, usage.cpu, usage.memory
        answer = _answer(run.answer, subject.read)
        if answer is None:
            record.status = _ending(usage, task.limits)
            record.message = _last_words(folder / "log")
        else:
            fill(record, answer, judge(task.problem, answer), whole=task.problem.whole, asks=subject.asks)
    return record


def metered(command: list[str], folder: Path, limits: Limits, core: int | None) -> Usage:
    """Run a command under the meter and return what it used; its output goes to ``log`` in the folder."""
    meter = [sys.executable, "-S", str(Path(__file__).with_name("meter.py"))]
    where = ["--usage", str(folder / "usage.json"), "--log", str(folder / "log")]
    bounds = ["--seconds", repr(limits.patience)]
    if limits.memory is not None:
        bounds += ["--memory", repr(limits.memory)]
    if core is not None:
        bounds += ["--core", str(core)]
    environment = {**os.environ, **_ONE_THREAD}
    _run([*meter, *where, *bounds, "--", *command], environment)
    return msgspec.json.decode((folder / "usage.json").read_bytes(), type=Usage)


def _run(meter: list[str], environment: dict[str, str]) -> None:
    """Run the meter; when interrupted, let it end what it measures."""
    process = subprocess.Popen(meter, cwd=ROOT, env=environment)  # noqa: S603 - our own script
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if code:
        raise subprocess.CalledProcessError(code, meter)


def _answer(path: Path, read: object) -> Answer | None:
    """Return the answer that a subject left, if it can be read."""
    if not callable(read) or not path.exists():
        return None
    try:
        answer: Answer = read(path)
    except msgspec.MsgspecError:
        return None
    return answer


def _ending(usage: Usage, limits: Limits) -> StatusWord:
    return "KILLED" if usage.forced or usage.wall > limits.patience else "CRASHED"


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "ended without a word"


def fill(record: Record, answer: Answer, judgement: Judgement, *, whole: bool, asks: str) -> None:
    """Enter an answer and its judgement into a record.

    Parameters
    ----------
    record : Record
    answer : Answer
    judgement : Judgement
    whole : bool
        Whether only whole values are possible, so that a bound may be lifted to the next one.
    asks : {"packing", "instance"}
        A packing has one level; an instance may have several, and its status speaks of all.
    """
    record.status = answer.status
    record.value, record.verified = judgement.value, judgement.verified
    record.bound = _lifted(answer, whole=whole)
    record.proved_by, record.versions, record.trace = answer.proved_by, answer.versions, answer.trace
    record.seconds, record.solving_memory = answer.seconds, answer.memory
    said = "; ".join(part for part in (judgement.fault, answer.message) if part)
    record.message = " ".join(said.split())[:500]
    record.proof = _proof(record, exact=answer.exact, levels_one=asks == "packing" or whole)
    record.first = first_of(answer.trace)
    record.reference = _reference(record)
    if record.reference is not None:
        record.primal_integral = primal_integral(answer.trace, record.reference, record.limit)


def _lifted(answer: Answer, *, whole: bool) -> float | None:
    bound = answer.bound
    if bound is None and answer.status == "OPTIMAL":
        bound = answer.value
    if bound is None or not math.isfinite(bound):
        return None
    return float(math.ceil(bound - SLACK * max(1.0, abs(bound)))) if whole and not answer.exact else bound


def _proof(record: Record, *, exact: bool, levels_one: bool) -> Proof:
    word: Proof = "exact" if exact else "solver"
    if record.status == "INFEASIBLE":
        return word
    met = record.verified and record.value is not None and record.bound is not None and record.value <= record.bound
    return word if met and (levels_one or record.status == "OPTIMAL") else ""


def _reference(record: Record) -> float | None:
    """Return the best value known: published or this run's own."""
    return min((value for value in (record.known_value, record.value) if value is not None), default=None)
