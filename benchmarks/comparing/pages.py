"""Pages of results: a section per campaign, made from rows and put into a document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.campaigns import NamedCampaign
from benchmarks.comparing.contradictions import contradictions
from benchmarks.comparing.tables import OURS, rivals_table, summary_table
from benchmarks.protocol import Record
from solver.inventories.files import write_bytes


def section(campaign: NamedCampaign, records: Sequence[Record]) -> str:
    """Return a campaign's results as Markdown: how they came about, tables, contradictions.

    Parameters
    ----------
    campaign : NamedCampaign
    records : sequence of Record
        At least one.
    """
    parts = [f"### {campaign.what[0].upper()}{campaign.what[1:]}", _circumstances(campaign, records)]
    parts.append(campaign.table(records) if campaign.table else summary_table(records, campaign.by))
    subjects = {record.subject for record in records}
    if OURS in subjects and len(subjects) > 1:
        parts.append("Better / equal / worse, instance by instance:")
        parts.append(rivals_table(records, campaign.by))
    parts.append(_contradictions(records))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _circumstances(campaign: NamedCampaign, records: Sequence[Record]) -> str:
    limits = sorted({record.limit for record in records})
    machines = sorted({record.machine for record in records if record.machine})
    versions = sorted({record.version for record in records if record.version})
    dates = sorted({record.date[:10] for record in records if record.date})
    said = [
        f"`python -m benchmarks campaign {campaign.name}`, {_spelled([f'{limit:g} s' for limit in limits])} a run",
        f"{_cores(records)} of {_spelled(machines)}" if machines else "",
        f"placewright {_spelled(versions)}" if versions else "",
        dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}" if dates else "",
    ]
    return "; ".join(part for part in said if part) + "."


def _cores(records: Sequence[Record]) -> str:
    numbers = sorted({record.cores for record in records})
    return "one core" if numbers == [1] else f"{_spelled([str(number) for number in numbers])} cores"


def _contradictions(records: Sequence[Record]) -> str:
    found = contradictions(records)
    if not found:
        return "No bound, value or claim contradicts another or a published figure."
    return "Contradictions:\n\n" + "\n".join(f"- {sentence}" for sentence in found)


def _spelled(entries: Sequence[str]) -> str:
    return " and ".join(entries)


def put(text: str, name: str, path: Path) -> None:
    """Put a section into a document between its marks, at the end when it has none yet."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    block = f"{begin}\n{text.strip()}\n{end}"
    content = path.read_text(encoding="utf-8") if path.exists() else ""
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if pattern.search(content):
        content = pattern.sub(lambda _: block, content)
    else:
        content = f"{content.rstrip()}\n\n{block}\n".lstrip()
    write_bytes(path, content.encode())
