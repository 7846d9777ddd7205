"""How long reading takes: ``python -m benchmarks.reading [VMS]`` times separate and counted VMs."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from solver.inventories import read_instance

FLAVOURS = 30


def _instance(vms: list[dict[str, object]]) -> dict[str, object]:
    return {
        "version": 1,
        "resources": [{"name": "cpu", "unit": "cores"}, {"name": "memory", "unit": "GB"}],
        "vms": vms,
        "hosts": [{"name": "host", "count": "unlimited", "capacity": {"cpu": 64, "memory": 256}}],
    }


def _size(number: int) -> dict[str, object]:
    return {"cpu": number % 7 + 0.5, "memory": {"reservation": 1, "demand": number % 11 + 1}}


def separate(count: int) -> dict[str, object]:
    """Return an instance that lists every VM."""
    return _instance([{"name": f"vm{n}", "resources": _size(n)} for n in range(count)])


def counted(count: int) -> dict[str, object]:
    """Return an instance of `FLAVOURS` counted VMs."""
    each = max(1, count // FLAVOURS)
    return _instance([{"name": f"vm{n}", "count": each, "resources": _size(n)} for n in range(FLAVOURS)])


def seconds_to_read(document: dict[str, object]) -> float:
    """Write a document to a temporary file and return how long reading it takes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instance.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        began = time.perf_counter()
        read_instance(path)
        return time.perf_counter() - began


def main() -> None:
    """Print a line per case."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for name, make in (("counted", counted), ("separate", separate)):
        seconds = seconds_to_read(make(count))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(f"{count:,} VMs, {name}: read in {seconds:.2f} s, peak memory {peak:.0f} MB\n")


if __name__ == "__main__":
    main()
