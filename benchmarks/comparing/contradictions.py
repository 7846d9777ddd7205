"""What cannot all be true: a bound above a value, an answer where there is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.protocol import Record

_NOISE = 1e-6


def contradictions(records: Iterable[Record]) -> list[str]:
    """Return a sentence for every claim that a verified value or a published figure refutes.

    Parameters
    ----------
    records : iterable of Record
        Of all subjects.
    """
    of_instance: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        of_instance[record.family, record.instance].append(record)
    return [sentence for runs in of_instance.values() for sentence in _among(runs)]


def _among(runs: Sequence[Record]) -> Iterator[str]:
    one = runs[0]
    where = f"{one.family}/{one.instance}"
    values = [run.value for run in runs if run.verified and run.value is not None]
    best = min([*values, *([one.known_value] if one.known_value is not None else [])], default=None)
    for run in runs:
        if best is not None and run.bound is not None and run.bound > best + _NOISE * max(1.0, abs(best)):
            yield f"{where}: {run.subject} claims the bound {run.bound:g}, and {best:g} is reached"
        if run.status == "INFEASIBLE" and best is not None:
            yield f"{where}: {run.subject} claims that there is no answer, and {best:g} is reached"
        if run.verified and run.value is not None and one.known_bound is not None and run.value < one.known_bound:
            yield f"{where}: {run.subject} reaches {run.value:g}, below the published bound {one.known_bound:g}"
