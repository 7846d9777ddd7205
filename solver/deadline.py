"""Deadlines: how much time is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, and when the work that it bounds began.

    Parameters
    ----------
    seconds : float
        Time allowed; infinite by default.
    clock : callable
        Returns seconds; replaced in tests.
    """

    seconds: float = math.inf
    clock: Callable[[], float] = time.monotonic
    start: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", self.clock())

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return self.clock() - self.start

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.seconds - self.elapsed)

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return self.left <= 0

    def within(self, seconds: float) -> Deadline:
        """Return a deadline that many seconds from now, and no later than this one."""
        return Deadline(min(seconds, self.left), self.clock)
