"""Where and with what a campaign runs: the machine, its cores, and the version of placewright."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.measuring import ROOT


def machine() -> str:
    """Return processor, cores, memory and system in one line."""
    gigabytes = total_memory() / 1024
    return f"{_processor()}, {os.cpu_count()} cores, {gigabytes:.0f} GB, {platform.system()} {platform.machine()}"


def total_memory() -> float:
    """Return the machine's memory in MB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**2


def available_cores() -> list[int | None]:
    """Return the cores that this process may use; unknown ones where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return [*sorted(os.sched_getaffinity(0))]
    return [None] * (os.cpu_count() or 1)


def code_version() -> str:
    """Return placewright's version with the commit, marked where files differ from it."""
    git = shutil.which("git")
    known = version("placewright")
    if git is None or not (ROOT / ".git").exists():
        return known
    command = [git, "describe", "--always", "--dirty=+", "--exclude=*"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return f"{known} ({found.stdout.strip()})" if found.returncode == 0 else known


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
