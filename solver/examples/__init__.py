"""Bundled example instances: small YAML files that teach the format by comments."""

from __future__ import annotations

from importlib.resources import files

from formulations.errors import InputError

_SUFFIX = ".yaml"


def example_names() -> tuple[str, ...]:
    """Return the names of the bundled examples, in alphabetical order."""
    return tuple(
        sorted(item.name.removesuffix(_SUFFIX) for item in files(__name__).iterdir() if item.name.endswith(_SUFFIX))
    )


def example_text(name: str) -> str:
    """Return the YAML text of a bundled example.

    Parameters
    ----------
    name : str
        One of `example_names`.

    Raises
    ------
    InputError
        If no example has the name.
    """
    if name not in example_names():
        raise InputError(f"no example is called {name!r}; expected one of {', '.join(example_names())}")
    return files(__name__).joinpath(f"{name}{_SUFFIX}").read_text(encoding="utf-8")
