"""Reports for programs: every answer of the command line as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from formulations.instance import Instance
from formulations.quantities import json_number
from solver.inventories import document
from solver.reporting.text_instance import isolation_words, rule_words, totals
from solver.result import Reason, Result
from solver.verifying import Verdict

MOST_INDENTED = 10_000_000
"""Bytes up to which JSON is indented for people who look into it."""


def result_json(result: Result) -> bytes:
    """Return a result as JSON text with a final newline; its schema is ``placewright schema result``."""
    return encoded(document(result))


def encoded(content: Any) -> bytes:
    """Return anything that msgspec can encode as JSON with a final newline, indented unless it is very long."""
    compact = msgspec.json.encode(content)
    return (compact if len(compact) > MOST_INDENTED else msgspec.json.format(compact, indent=1)) + b"\n"


def reason_document(reason: Reason) -> dict[str, Any]:
    """Return a reason as plain data."""
    return {"message": reason.message, "facts": list(reason.facts), "ways_out": list(reason.ways_out)}


def verdict_document(instance: Instance, verdict: Verdict, claims: Sequence[str] = ()) -> dict[str, Any]:
    """Return a verdict as plain data: accepted or not, the violations, false claims, the levels' values."""
    levels = zip(instance.levels, verdict.values or (), strict=False)
    return {
        "accepted": verdict.ok and not claims,
        "violations": [
            {
                "kind": violation.kind,
                "subjects": list(violation.subjects),
                "amount": json_number(violation.amount),
                "unit": violation.unit,
                "message": violation.message,
            }
            for violation in verdict.violations
        ],
        "false_claims": list(claims),
        "levels": [
            {"name": level.name, "unit": level.said_unit, "value": json_number(value)} for level, value in levels
        ],
    }


def instance_document(instance: Instance) -> dict[str, Any]:
    """Return a summary of an instance: how many of everything, totals in each resource's unit, rules, levels."""
    sums = totals(instance)
    scales = instance.tables.scales
    unlimited = any(host.count == "unlimited" for host in instance.hosts)
    return {
        "name": instance.name,
        "vms": instance.vm_count,
        "vm_entries": len(instance.vms),
        "hosts": "unlimited" if unlimited else instance.host_count,
        "host_entries": len(instance.hosts),
        "resources": {
            scale.resource.name: {
                "unit": scale.resource.unit,
                **{
                    kind: json_number(scale.value(figures[r]))
                    for kind, figures in sums.items()
                    if not (unlimited and kind == "capacity")
                },
            }
            for r, scale in enumerate(scales)
        },
        "isolation": isolation_words(instance.isolation),
        "rules": [rule_words(rule) for rule in instance.rules],
        "levels": [level.name for level in instance.levels],
    }


def explanation_document(result: Result) -> dict[str, Any]:
    """Return why there is no placement as plain data; the status says whether there is one."""
    return {
        "status": "FEASIBLE" if result.placement is not None else result.status,
        "seconds": result.seconds,
        "reasons": [reason_document(reason) for reason in result.reasons],
    }
