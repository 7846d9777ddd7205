"""Programs that pretend to be CBC."""

from __future__ import annotations

import stat
import struct
import sys
from collections.abc import Sequence
from pathlib import Path


def fake_cbc(path: Path, body: str) -> str:
    """Write a shell script that runs a body as CBC would run, in the folder of its files."""
    script = f'#!/bin/sh\nif [ "$1" = "-stop" ]; then echo "Version: 9.9"; exit 0; fi\n{body}\n'
    path.write_text(script, encoding="ascii")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def answering_cbc(path: Path, header: str, values: Sequence[float], log: str = "", rows: int = 1) -> str:
    """Write a fake that claims a header and leaves values of the variables."""
    content = struct.pack("<iid", rows, len(values), 0.0) + struct.pack(f"<{2 * rows}d", *[0.0] * (2 * rows))
    content += struct.pack(f"<{2 * len(values)}d", *values, *[0.0] * len(values))
    prepared = path.with_suffix(".bin")
    prepared.write_bytes(content)
    return fake_cbc(path, f"echo '{log}'\necho '{header}' > status.txt\ncp '{prepared}' values.bin")


def python_cbc(path: Path, body: str) -> str:
    """Write a fake in Python, for what a shell cannot do."""
    script = path.with_suffix(".py")
    script.write_text(body, encoding="utf-8")
    return fake_cbc(path, f"exec '{sys.executable}' '{script}' \"$@\"")
