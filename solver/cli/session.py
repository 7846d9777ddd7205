"""One run of the command line: how much it says, and where it prints."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PIPE_WIDTH = 80
"""Columns for people when standard output is no terminal."""


@dataclass
class Session:
    """How one run talks.

    Attributes
    ----------
    verbosity : int
        -1 says results only, 1 adds what happens and tracebacks, 2 adds details.
    log_handler : logging.Handler or None
        Prints the library's log on standard error while the run lasts.
    """

    verbosity: int = 0
    log_handler: logging.Handler | None = field(default=None, repr=False)

    def speak(self, *, quiet: bool, verbose: int) -> None:
        """Take over -q and -v, and print the library's log accordingly."""
        self.verbosity = -1 if quiet else verbose
        if self.verbosity < 1 or self.log_handler is not None:
            return
        self.log_handler = logging.StreamHandler(sys.stderr)
        self.log_handler.setFormatter(logging.Formatter("%(relativeCreated)6.0f ms  %(message)s"))
        logger = logging.getLogger("placewright")
        logger.addHandler(self.log_handler)
        logger.setLevel(logging.INFO if self.verbosity == 1 else logging.DEBUG)

    def close(self) -> None:
        """Leave the library's logger as it was found."""
        if self.log_handler is not None:
            logger = logging.getLogger("placewright")
            logger.removeHandler(self.log_handler)
            logger.setLevel(logging.NOTSET)
            self.log_handler = None

    @property
    def shows_progress(self) -> bool:
        """Whether a person is watching and wants to."""
        return self.verbosity >= 0 and sys.stderr.isatty()

    def print(self, *parts: RenderableType) -> None:
        """Print a report for people on standard output."""
        console = _console(sys.stdout)
        with console.capture() as captured:
            for part in parts:
                console.print(part)
        self.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))

    def write(self, text: str) -> None:
        """Write to standard output; a reader that has gone away is no error."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            _stop_writing()

    def warn(self, message: str) -> None:
        """Print one line on standard error unless asked to be quiet."""
        if self.verbosity >= 0:
            complain(f"warning: {message}")


def complain(message: str) -> None:
    """Print one line on standard error."""
    try:
        sys.stderr.write(f"placewright: {' '.join(message.split())}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives until the end of the process


def _console(stream: IO[str]) -> Console:
    """Return a console that prints names as they are: no markup, no emoji, no guessed highlights."""
    from rich.console import Console

    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def _stop_writing() -> None:
    """Send what is still to come to nowhere, so that the interpreter's own flush does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
