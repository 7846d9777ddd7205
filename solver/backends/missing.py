"""A solver that is not installed: an answer may do without it, and says so when it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulp

from solver.backends.base import Settings, Solution
from solver.deadline import Deadline
from solver.errors import BackendMissingError


@dataclass(frozen=True)
class MissingBackend:
    """Raises what its absence raised, each time that it is asked to solve.

    Parameters
    ----------
    error : BackendMissingError
        Says what to install.
    name : str
    """

    error: BackendMissingError
    name: str = "none (not installed)"

    def solve(
        self,
        problem: pulp.LpProblem,  # noqa: ARG002 - as the protocol says
        *,
        deadline: Deadline,  # noqa: ARG002
        settings: Settings,  # noqa: ARG002
        start: Mapping[str, float] | None = None,  # noqa: ARG002
    ) -> Solution:
        """Raise.

        Raises
        ------
        BackendMissingError
            Always.
        """
        raise self.error
