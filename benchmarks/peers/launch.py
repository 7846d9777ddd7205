"""Starts a peer's script under another interpreter: ``PYTHON launch.py SCRIPT PROBLEM SECONDS OUTPUT ...``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Find the scripts from the project's folder, which peers' environments do not know, and run one."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    script = sys.argv.pop(1)
    runpy.run_module(f"benchmarks.peers.scripts.{script}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
