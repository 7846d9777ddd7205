"""What the runs of one subject on a part of the instances come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from benchmarks.comparing.anytime import primal_integral
from benchmarks.protocol import Record

Part = tuple[str, ...]
"""The fields by which a table is divided, spelled."""


@dataclass(frozen=True)
class Comparison:
    """On how many instances something is better, equal or worse (smaller is better)."""

    better: int = 0
    equal: int = 0
    worse: int = 0

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, float]]) -> Comparison:
        """Count pairs of own and other values."""
        signs = [(own > other) - (own < other) for own, other in pairs]
        return cls(signs.count(-1), signs.count(0), signs.count(1))

    @property
    def total(self) -> int:
        """How many instances were compared."""
        return self.better + self.equal + self.worse

    def __str__(self) -> str:
        """Spell the three numbers."""
        return f"{self.better} / {self.equal} / {self.worse}"


@dataclass(frozen=True)
class Summary:
    """The runs of one subject on one part of the instances.

    Attributes
    ----------
    runs, instances : int
    exact, claimed : int
        Runs proved in exact arithmetic, and runs that a solver's floats call proved.
    answered : int
        Runs with a verified answer.
    failed : int
        Runs that crashed, were killed, or whose answer the judge rejected.
    mean_gap, worst_gap : float or None
        ``(value - bound) / value`` over the runs with both.
    seconds, worst_seconds : float or None
        Median over instances, and the worst of them, of the median over repeated runs.
    worst_whole : float
        Worst seconds of a whole process: starting, reading and writing included.
    cpu : float
        Mean CPU seconds of the whole process.
    memory : float or None
        Largest peak in MB, of the solving alone where it is known.
    overrun : float
        Largest time beyond the limit in seconds.
    kept : int
        Runs that ended by themselves at most a second, or 2 %, beyond the limit.
    published : Comparison
        Against the best published value; unanswered runs are worse.
    saving : float or None
        Mean of ``1 - value / published value``.
    integral : float
        Mean primal integral as a share of the limit: 0 at once the best, 1 nothing at all.
    """

    runs: int
    instances: int
    exact: int
    claimed: int
    answered: int
    failed: int
    mean_gap: float | None
    worst_gap: float | None
    seconds: float | None
    worst_seconds: float | None
    worst_whole: float
    cpu: float
    memory: float | None
    overrun: float
    kept: int
    published: Comparison
    saving: float | None
    integral: float


def parts_of(records: Iterable[Record], by: Sequence[str]) -> dict[tuple[Part, str], list[Record]]:
    """Return the records of every part and subject, in the order of the fields' values."""
    found: dict[tuple[tuple[object, ...], str], list[Record]] = defaultdict(list)
    subjects = list(dict.fromkeys(record.subject for record in records))
    for record in records:
        found[tuple(getattr(record, name) for name in by), record.subject].append(record)
    order = sorted(found, key=lambda key: (_sortable(key[0]), subjects.index(key[1])))
    return {(tuple(map(_spelled, part)), subject): found[part, subject] for part, subject in order}


def _sortable(part: tuple[object, ...]) -> tuple[tuple[int, str], ...]:
    """Return what sorts numbers by size, and classes of a set by their number."""
    return tuple(_natural(entry) for entry in part)


def _natural(entry: object) -> tuple[int, str]:
    if isinstance(entry, int):
        return entry, ""
    digits = "".join(letter for letter in str(entry) if letter.isdigit())
    return (int(digits) if digits and len(digits) < 10 else 0), str(entry)


def _spelled(entry: object) -> str:
    return f"{entry:,}" if isinstance(entry, int) else str(entry)


def best_values(records: Iterable[Record]) -> dict[tuple[str, str], float]:
    """Return the best value of every instance: published, or verified in any run."""
    best: dict[tuple[str, str], float] = {}
    for record in records:
        where = (record.family, record.instance)
        for value in (record.known_value, record.value if record.verified else None):
            if value is not None:
                best[where] = min(value, best.get(where, value))
    return best


def summarise(records: Sequence[Record], best: dict[tuple[str, str], float]) -> Summary:
    """Return what the runs of one subject come to.

    Parameters
    ----------
    records : sequence of Record
        At least one.
    best : dict
        From `best_values` over all subjects.
    """
    gaps = [record.gap for record in records if record.verified and record.gap is not None]
    times = _typical_seconds(records)
    memories = [memory for record in records if (memory := record.solving_memory or record.memory) is not None]
    compared = [(_counted(record), record.known_value) for record in records if record.known_value is not None]
    savings = [1 - own / known for own, known in compared if known and own != float("inf")]
    return Summary(
        runs=len(records),
        instances=len({record.instance for record in records}),
        exact=sum(record.proof == "exact" for record in records),
        claimed=sum(record.proof == "solver" for record in records),
        answered=sum(record.verified for record in records),
        failed=sum(failed(record) for record in records),
        mean_gap=fmean(gaps) if gaps else None,
        worst_gap=max(gaps, default=None),
        seconds=median(times) if times else None,
        worst_seconds=max(times, default=None),
        worst_whole=max(record.wall for record in records),
        cpu=fmean(record.cpu for record in records),
        memory=max(memories, default=None),
        overrun=max((record.overrun or 0.0 for record in records), default=0.0),
        kept=sum(kept_limit(record) for record in records),
        published=Comparison.of(compared),
        saving=fmean(savings) if savings else None,
        integral=fmean(integral_share(record, best) for record in records),
    )


def failed(record: Record) -> bool:
    """Tell whether a run crashed, was killed, or left an answer that the judge rejects."""
    return record.status in ("CRASHED", "KILLED") or record.message.startswith("judge:")


def kept_limit(record: Record) -> bool:
    """Tell whether a run ended by itself at most a second, or 2 %, beyond its limit."""
    late = record.overrun
    return record.status != "KILLED" and late is not None and late <= max(1.0, 0.02 * record.limit)


def integral_share(record: Record, best: dict[tuple[str, str], float]) -> float:
    """Return the primal integral against the best value of all subjects, as a share of the limit."""
    reference = best.get((record.family, record.instance))
    if reference is None:  # nobody knows any answer; that there is none may be proved
        return 0.0 if record.proved else 1.0
    return primal_integral(record.trace if record.verified else [], reference, record.limit) / record.limit


def _counted(record: Record) -> float:
    return record.value if record.verified and record.value is not None else float("inf")


def _typical_seconds(records: Sequence[Record]) -> list[float]:
    """Return the median seconds over repeated runs of every instance."""
    of_instance: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if record.seconds is not None:
            of_instance[record.instance].append(record.seconds)
    return [median(times) for times in of_instance.values()]
