"""Options that several commands share, and the checks that must not wait until after the work."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from solver.cli.exits import EPILOG
from solver.cli.session import Session

Command = Callable[..., Any]

FILE = click.Path(path_type=Path)
POLICIES = ("utilisation", "satisfaction", "maxmin", "drf", "entitlement")


def command(name: str) -> Callable[[Command], click.Command]:
    """Make a command that takes -q and -v and receives the session first."""

    def wrap(function: Command) -> click.Command:
        @functools.wraps(function)
        def run(session: Session, quiet: bool, verbose: int, **arguments: Any) -> Any:
            session.speak(quiet=quiet, verbose=verbose)
            try:
                return function(session, **arguments)
            except KeyboardInterrupt as error:  # click would print an empty line first
                raise click.Abort from error

        settings = {"help_option_names": ["-h", "--help"]}
        decorated = click.command(name, epilog=EPILOG, context_settings=settings)(
            click.make_pass_decorator(Session)(run)
        )
        decorated.params += [_quiet(), _verbose()]
        return decorated

    return wrap


def _quiet() -> click.Option:
    return click.Option(["-q", "--quiet"], is_flag=True, help="No progress and no warnings.")


def _verbose() -> click.Option:
    return click.Option(["-v", "--verbose"], count=True, help="Say what happens; twice for details.")


def drawable(path: Path | None) -> Path | None:
    """Return a path that a picture can be written to, before any work is done for it.

    Raises
    ------
    click.BadParameter
        If it cannot be written to, or its ending is of no known format.
    PlacewrightError
        If matplotlib is not installed.
    """
    if path is None:
        return None
    from solver.reporting.pictures.canvas import FORMATS, blank_figure

    if path.suffix.removeprefix(".").lower() not in FORMATS:
        expected = ", ".join(f".{known}" for known in FORMATS)
        raise click.BadParameter(f"{path.name} must end in one of {expected}", param_hint="--picture")
    blank_figure(1, 1)
    return writable(path, "--picture")


def writable(path: Path | None, option: str) -> Path | None:
    """Return a path that can be written to, before any work is done for it.

    Raises
    ------
    click.BadParameter
        If its folder does not exist or takes no file, or if the path is a folder.
    """
    if path is None:
        return None
    folder = path.absolute().parent
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder", param_hint=option)
    if not folder.is_dir():
        raise click.BadParameter(f"{folder} is no folder", param_hint=option)
    if not os.access(folder, os.W_OK):
        raise click.BadParameter(f"no permission to write into {folder}", param_hint=option)
    return path
