"""Size-tempered annealing: large VMs are placed while it is hot, small ones only when it is cold enough for them.

Simulated annealing (Kirkpatrick, Gelatt and Vecchi, Science 220, 1983,
doi:10.1126/science.220.4598.671) in which a VM may move only at temperatures that its size
exceeds by a factor: small VMs that move early take the room, above all the transient room, that
large ones need. In the search alone every move has a price that falls with the temperature: a VM
without anything to gain would otherwise be on any host but its own.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from formulations.reassignment import Reassignment
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines import compiling
from solver.engines.reassignment.arrays import (
    BEST,
    COST,
    FOUND,
    MOVES,
    SCANS,
    State,
    Terms,
    random_words,
    state_of,
    terms_of,
)

KAPPA = 3.0
"""At temperature T only VMs larger than this times T may move."""

SWAPS = 300
"""Of 1024 moves so many are swaps."""

WALK = 24
"""Among so many VMs of a host a partner for a swap is looked for."""

WINDOWS = (12, 128)
"""Among so few and so many hosts room is looked for at a time."""

FEWEST = 10
"""So many VMs may move at any temperature."""

CHUNK_SECONDS = 0.02
"""Between two looks at the clock."""

FIRST_CHUNK = 5_000


@dataclass(frozen=True)
class Style:
    """How freely VMs are moved about.

    Parameters
    ----------
    name : str
    stay : float
        What every move costs beside, in the search alone, in units of the temperature: without it a
        VM that has nothing to gain would be on any host but its own, and take transient room there.
    """

    name: str = "free"
    stay: float = 0.0


@dataclass(frozen=True)
class Cooling:
    """From hot to cold, for a time or a number of moves.

    Parameters
    ----------
    hot, cold : float
        Temperatures, in units of the cost; they fall by equal factors in equal times.
    seconds : float
    steps : int, optional
        Instead of seconds: the same on every machine.
    style : Style
    """

    hot: float
    cold: float
    seconds: float = math.inf
    steps: int | None = None
    style: Style = Style()

    def temperature(self, progress: float) -> float:
        """Return the temperature after a part of the time, from 0 to 1."""
        return float(self.hot * (self.cold / self.hot) ** progress)


def affordable(deadline: Deadline) -> bool:
    """Whether there is time to load the compiled loop, or even to compile it."""
    return compiling.affordable(deadline, "solver.engines.reassignment.kernels", "anneal")


class Annealing:
    """A placement that changes, always within the rules, and the best that was seen.

    Inside, VMs are numbered by falling size.

    Parameters
    ----------
    question : Reassignment
    start : int64 array, shape (VMs,)
        A placement that keeps every rule.
    seed : int

    Attributes
    ----------
    sizes : int64 array, shape (VMs,)
        Weighted sizes, the largest first.
    large, typical : float
        Their 95 % and 50 % quantiles.
    state : State
    """

    def __init__(self, question: Reassignment, start: Integers, seed: int = 0) -> None:
        sizes: Integers = (question.sizes * question.load_weight).sum(axis=1)
        self._order: Integers = np.argsort(-sizes, kind="stable").astype(np.int64)
        self._question = _renumbered(question, self._order)
        self.sizes: Integers = sizes[self._order]
        self.large, self.typical = (float(q) for q in np.quantile(sizes, (0.95, 0.5))) if len(sizes) else (0.0, 0.0)
        self._terms: Terms = terms_of(self._question)
        self.state: State = state_of(self._question, self._terms, start[self._order], random_words(seed))
        self._found: Integers = np.zeros(WINDOWS[1] + 1, dtype=np.int64)
        self._bounds: Integers = np.zeros((2, question.resources), dtype=np.int64)
        self._window = WINDOWS[1]
        self._chunk = FIRST_CHUNK
        self.steps = 0

    def _named(self, hosts: Integers) -> Integers:
        """Return hosts in the order of the question's VMs."""
        named: Integers = np.empty_like(hosts)
        named[self._order] = hosts
        return named

    @property
    def best(self) -> Integers:
        """The cheapest placement seen."""
        return self._named(self.state.best)

    @property
    def cost(self) -> int:
        """What it costs."""
        return int(self.state.totals[BEST])

    @property
    def present(self) -> Integers:
        """The present placement."""
        return self._named(self.state.host_of)

    @property
    def moves_made(self) -> int:
        """How many VMs are not where they were at first."""
        return int(self.state.totals[MOVES])

    @property
    def current_cost(self) -> int:
        """What the present placement costs."""
        return int(self.state.totals[COST])

    def begin_again(self, hosts: Integers | None = None) -> None:
        """Go on from a placement that keeps every rule, by default the best seen, and forget the best seen."""
        start = self.state.best if hosts is None else hosts[self._order]
        self.state = state_of(self._question, self._terms, start, self.state.random)

    def run(self, cooling: Cooling, deadline: Deadline) -> None:
        """Cool down, within the deadline and by its clock."""
        began, done = deadline.clock(), 0
        while not deadline.over:
            if cooling.steps is None:
                progress = (deadline.clock() - began) / cooling.seconds if cooling.seconds > 0 else 1.0
            else:
                progress = done / cooling.steps if cooling.steps > 0 else 1.0
            if progress >= 1:
                return
            chunk = self._chunk if cooling.steps is None else min(FIRST_CHUNK, cooling.steps - done)
            before = time.monotonic()
            self.try_moves(cooling.temperature(progress), chunk, cooling.style)
            done += chunk
            if cooling.steps is None:
                self._adapt(time.monotonic() - before)

    def _adapt(self, seconds: float) -> None:
        """Take so many moves at a time that the clock is looked at often enough and not too often."""
        factor = min(2.0, max(0.5, CHUNK_SECONDS / max(seconds, 1e-6)))
        self._chunk = max(500, int(self._chunk * factor))

    def try_moves(self, temperature: float, steps: int, style: Style = Style()) -> None:
        """Try so many moves at one temperature."""
        from solver.engines.reassignment.kernels import anneal  # noqa: PLC0415 - numba is imported when it is needed

        large = int(np.searchsorted(-self.sizes, -KAPPA * temperature, side="right"))
        eligible = min(max(large, FEWEST), len(self.sizes))
        totals = self.state.totals
        totals[SCANS] = totals[FOUND] = 0
        anneal(
            self._terms,
            self.state,
            eligible,
            temperature,
            int(style.stay * temperature),
            SWAPS,
            self._window,
            WALK,
            steps,
            self._found,
            self._bounds,
        )
        self.steps += steps
        share = (int(totals[FOUND]) + 1) / (int(totals[SCANS]) + 1)
        self._window = int(min(max(1.5 / share, WINDOWS[0]), WINDOWS[1]))


def _renumbered(question: Reassignment, order: Integers) -> Reassignment:
    """Return the question with its VMs in another order."""
    return replace(
        question,
        sizes=question.sizes[order],
        service=question.service[order],
        current=question.current[order],
        move_cost=question.move_cost[order],
        vm_class=question.vm_class[order],
    )
