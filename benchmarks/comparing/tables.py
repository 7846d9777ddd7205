"""Tables as Markdown: what every subject reaches, and placewright against each of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.comparing.summaries import Comparison, Part, Summary, best_values, parts_of, summarise
from benchmarks.protocol import Record

OURS = "placewright"


@dataclass(frozen=True)
class Column:
    """A column of the summary table: its heading, its cell, and when it has something to say."""

    heading: str
    cell: Callable[[Summary], str]
    matters: Callable[[Summary], bool] = lambda _: True


COLUMNS = (
    Column("runs", lambda s: f"{s.runs}"),
    Column("proved", lambda s: f"{s.exact} ({percent(s.exact / s.runs, 0)})"),
    Column("solver's word", lambda s: f"{s.claimed}", lambda s: s.claimed > 0),
    Column("answered", lambda s: f"{s.answered}", lambda s: s.answered < s.runs),
    Column("failed", lambda s: f"{s.failed}", lambda s: s.failed > 0),
    Column("mean gap", lambda s: percent(s.mean_gap)),
    Column("worst gap", lambda s: percent(s.worst_gap)),
    Column("median s", lambda s: seconds(s.seconds)),
    Column("worst s", lambda s: seconds(s.worst_seconds)),
    Column("worst whole s", lambda s: seconds(s.worst_whole)),
    Column("mean CPU s", lambda s: seconds(s.cpu)),
    Column("peak MB", lambda s: "-" if s.memory is None else f"{s.memory:.0f}"),
    Column("limit kept", lambda s: f"{s.kept}", lambda s: s.kept < s.runs),
    Column("overrun s", lambda s: seconds(s.overrun), lambda s: s.overrun > 0),
    Column("better / equal / worse than published", lambda s: f"{s.published}", lambda s: s.published.total > 0),
    Column("saving", lambda s: percent(s.saving), lambda s: s.saving is not None),
    Column("primal integral", lambda s: percent(s.integral)),
)


def summary_table(records: Sequence[Record], by: Sequence[str]) -> str:
    """Return a row for every part of the instances and every subject.

    Parameters
    ----------
    records : sequence of Record
    by : sequence of str
        Fields of a record that divide the instances.
    """
    runs = [record for record in records if record.status != "SKIPPED"]
    best = best_values(runs)
    rows = {key: summarise(of_part, best) for key, of_part in parts_of(runs, by).items()}
    columns = [column for column in COLUMNS if any(column.matters(row) for row in rows.values())]
    headings = [*map(spaced, by), "subject", *(column.heading for column in columns)]
    cells = [[*part, subject, *(column.cell(row) for column in columns)] for (part, subject), row in rows.items()]
    return markdown(headings, cells, left=len(by) + 1)


def rivals_table(records: Sequence[Record], by: Sequence[str], ours: str = OURS) -> str:
    """Return how often ``ours`` is better, equal or worse than each other subject, in value and in bound.

    A run without a verified value counts as infinitely bad, one without a bound likewise.
    """
    runs = [record for record in records if record.status != "SKIPPED"]
    own = {(record.family, record.instance, record.seed): record for record in runs if record.subject == ours}
    rows = []
    for (part, subject), theirs in parts_of(runs, by).items():
        pairs = [(own[key], other) for other in theirs if (key := (other.family, other.instance, other.seed)) in own]
        if subject != ours and pairs:
            rows.append([*part, subject, *_rivalry(pairs)])
    headings = [*map(spaced, by), f"{ours} against", "runs", "value", "bound", "proved first", "proved alone"]
    return markdown(headings, rows, left=len(by) + 1)


def _rivalry(pairs: Sequence[tuple[Record, Record]]) -> list[str]:
    value = Comparison.of((_value(own), _value(other)) for own, other in pairs)
    bound = Comparison.of((-_bound(own), -_bound(other)) for own, other in pairs)
    both = [(own, other) for own, other in pairs if own.proved and other.proved]
    first = Comparison.of((own.seconds or 0.0, other.seconds or 0.0) for own, other in both)
    alone = sum(own.proved and not other.proved for own, other in pairs)
    beaten = sum(other.proved and not own.proved for own, other in pairs)
    return [f"{len(pairs)}", str(value), str(bound), f"{first.better} of {first.total}", f"{alone} against {beaten}"]


def _value(record: Record) -> float:
    return record.value if record.verified and record.value is not None else float("inf")


def _bound(record: Record) -> float:
    if record.status == "INFEASIBLE" and record.proved:
        return float("inf")
    return float("-inf") if record.bound is None else record.bound


def parts_in(records: Iterable[Record], by: Sequence[str]) -> list[Part]:
    """Return the parts that the records fall into, in order."""
    return list(dict.fromkeys(part for part, _ in parts_of(list(records), by)))


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Return a Markdown table; the first ``left`` columns stand to the left, figures to the right."""
    marks = ["---" if number < left else "---:" for number in range(len(headings))]
    lines = [headings, marks, *rows]
    cells = ((cell.replace("|", r"\|") for cell in line) for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def spaced(name: str) -> str:
    """Return a field's name as a heading."""
    return {"n": "VMs", "group": "set"}.get(name, name.replace("_", " "))


def percent(share: float | None, decimals: int = 2) -> str:
    """Spell a share as per cent; a dash for none."""
    return "-" if share is None else f"{100 * share:.{decimals}f} %"


def seconds(value: float | None) -> str:
    """Spell seconds with two significant digits or to a tenth; a dash for none."""
    if value is None:
        return "-"
    return f"{value:.2g}" if value < 1 else f"{value:.1f}"
