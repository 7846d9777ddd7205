"""Records made up for tests."""

from __future__ import annotations

from typing import Any

from benchmarks.protocol import Record


def row(subject: str = "placewright", instance: str = "one", **fields: Any) -> Record:
    """Return a record with these fields, and something for the others."""
    given: dict[str, Any] = {"family": "made", "n": 10, "resources": 2, "flavours": 3, "types": 1, "limit": 60.0}
    return Record(subject=subject, instance=instance, **{**given, **fields})


def solved(value: float, bound: float, **fields: Any) -> Record:
    """Return the record of a verified answer, proved exactly when value and bound meet."""
    given: dict[str, Any] = {
        "status": "OPTIMAL" if value <= bound else "FEASIBLE",
        "value": value,
        "bound": bound,
        "verified": True,
        "proof": "exact" if value <= bound else "",
        "seconds": 1.0,
        "wall": 2.0,
        "trace": [(0.5, value)],
    }
    return row(**{**given, **fields})
