"""Progress on standard error while somebody watches: the time that has passed, and each better placement."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from solver.cli.session import Session

if TYPE_CHECKING:
    from rich.status import Status

    from formulations.instance import Instance
    from solver.result import Incumbent


class Progress:
    """A line that tells how far the search is; silent unless standard error is a terminal.

    Parameters
    ----------
    session : Session
    instance : Instance
        Names the objective's levels.
    limit : float
        Seconds that the search may take.
    """

    def __init__(self, session: Session, instance: Instance, limit: float) -> None:
        self._shown = session.shows_progress
        self._levels = [level.name for level in instance.levels]
        self._limit = limit
        self._start = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        if self._shown:
            from rich.console import Console

            console = Console(file=sys.stderr, markup=False, emoji=False, highlight=False)
            self._status = console.status(f"solving, at most {self._limit:g} s …")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, incumbent: Incumbent) -> None:
        """Tell of a better placement."""
        if self._status is None:
            return
        from solver.reporting.figures import figure

        values = zip(self._levels, incumbent.values, strict=False)
        told = ", ".join(f"{name} {figure(value)}" for name, value in values)
        self._status.console.print(f"{incumbent.seconds:6.1f} s  {told}  ({incumbent.found_by})")
