"""Versions of everything that an answer depends on."""

from __future__ import annotations

import platform
from importlib import metadata


def version_lines() -> list[str]:
    """Return one line per part: placewright, Python, CBC, PuLP, scipy with its HiGHS."""
    lines = [f"placewright {installed('placewright')}", f"Python {platform.python_version()}"]
    return [*lines, _solver_line("cbc"), f"PuLP {installed('pulp')}", _solver_line("highs")]


def installed(distribution: str) -> str:
    """Return the version of an installed distribution."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _solver_line(backend: str) -> str:
    from solver.backends import backend_named
    from solver.errors import BackendMissingError

    try:
        return backend_named(backend).name
    except BackendMissingError as error:
        return f"{backend}: missing ({error})"
