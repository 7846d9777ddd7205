"""All heuristics on one instance, against what is proved of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from formulations.candidates import Candidates
from formulations.counting import Counting
from formulations.errors import UnsupportedError
from formulations.instance import Instance
from formulations.program import ContradictionError
from formulations.vector_packing import VectorPacking
from solver.allocating import allocate
from solver.deadline import Deadline
from solver.engines.greedy import place_greedily, variants
from solver.engines.heuristics.registry import HEURISTICS
from solver.errors import VerificationError
from solver.result import LevelResult, Result
from solver.verifying import RuleJudge, verify

log = logging.getLogger("placewright")

GREEDY_FAMILY = "rule-aware greedy"


@dataclass(frozen=True)
class Trial:
    """What one heuristic made of an instance.

    Attributes
    ----------
    name, family : str
    cites : tuple of str
        Where it comes from.
    value : Fraction or None
        What its placement is worth on the level that is compared; None without one.
    seconds : float
        Wall-clock time, compiling not included.
    note : str
        Why there is no value.
    """

    name: str
    family: str
    cites: tuple[str, ...]
    value: Fraction | None
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """All trials on an instance, and the result that they are measured by.

    Attributes
    ----------
    result : Result
        The instance's best known placement, with what is proved.
    level : LevelResult or None
        The level of the objective that is compared; None where nothing is known of any.
    trials : tuple of Trial
        In the order of the registry.
    uncounted : str
        Why the heuristics for vector packing do not apply; empty if they do.
    interrupted : bool
        Whether the user ended the trials before the last.
    """

    result: Result
    level: LevelResult | None
    trials: tuple[Trial, ...]
    uncounted: str = ""
    interrupted: bool = False

    @property
    def proved(self) -> bool:
        """Whether the reference is the proved optimum; otherwise it is a lower bound."""
        return self.level is not None and self.level.optimal

    @property
    def reference(self) -> Fraction | None:
        """What trials are measured by: the proved optimum, else the bound."""
        return None if self.level is None else self.level.bound

    def excess(self, value: Fraction) -> Fraction | None:
        """Return by what share a value exceeds the reference; None where that is 0 or unknown and the value is not."""
        if self.reference is None:
            return None
        if value == self.reference:
            return Fraction(0)
        return (value - self.reference) / self.reference if self.reference > 0 else None

    @cached_property
    def ranked(self) -> tuple[Trial, ...]:
        """Trials with a value, the best first, the quicker first among equals."""
        answered = [trial for trial in self.trials if trial.value is not None]
        return tuple(sorted(answered, key=lambda trial: (trial.value, trial.seconds)))


def compare(instance: Instance, result: Result, deadline: Deadline) -> Comparison:
    """Run every heuristic that applies to an instance and measure it by a result.

    Heuristics for vector packing run on the counted instance. Where counting does not answer the
    instance exactly (rules that bind, cells, several terms), they are named as not applicable and
    the greedy variants that obey rules run instead.

    Parameters
    ----------
    instance : Instance
    result : Result
        Of the same instance.
    deadline : Deadline
        For all trials together. Ctrl-C ends them, too; those that have run are kept.

    Raises
    ------
    VerificationError
        If a heuristic returns what is no packing: a defect.
    """
    try:
        counting = Counting.of(instance)
    except UnsupportedError as error:
        return _compared(result, result.headline, _greedy_trials(instance, result, deadline), str(error))
    except ContradictionError as error:
        return Comparison(result, result.headline, (), str(error))
    if counting.level is None:
        return _compared(
            result,
            result.headline,
            _greedy_trials(instance, result, deadline),
            "cannot be counted: no level of the objective depends on the hosts in use",
        )
    level = result.levels[counting.level] if result.levels else None
    return _compared(result, level, _counted_trials(counting, deadline), "")


def _compared(result: Result, level: LevelResult | None, trials: Iterator[Trial], uncounted: str) -> Comparison:
    """Collect trials until they end or somebody ends them."""
    done: list[Trial] = []
    interrupted = False
    try:
        done.extend(trials)
    except KeyboardInterrupt:
        interrupted = True
    return Comparison(result, level, tuple(done), uncounted, interrupted)


def _counted_trials(counting: Counting, deadline: Deadline) -> Iterator[Trial]:
    """Run the heuristics for vector packing on a counted instance."""
    _compile()
    for heuristic in HEURISTICS.values():
        about = (heuristic.name, heuristic.family, heuristic.cites)
        if deadline.over:
            yield Trial(*about, None, 0.0, "no time left")
            continue
        began = time.perf_counter()
        try:
            packing = heuristic.run(counting.problem, deadline)
        except UnsupportedError as error:
            yield Trial(*about, None, time.perf_counter() - began, str(error))
            continue
        took = time.perf_counter() - began
        if packing is None:
            yield Trial(*about, None, took, "no time left" if deadline.over else "found no packing")
            continue
        if faults := packing.faults(counting.problem):
            raise VerificationError(f"{heuristic.name}: {faults[0]}")
        yield Trial(*about, counting.value(packing.cost(counting.problem)), took)


def _compile() -> None:
    """Have the loops compiled, or loaded, before the first heuristic is timed."""
    ones = np.ones((1, 1), dtype=np.int64)
    tiny = VectorPacking(ones, ones[0], ones, ones[0], ones[0])
    for name in ("FF", "Tetris", "pairing-L2"):
        HEURISTICS[name].run(tiny, Deadline())


def _greedy_trials(instance: Instance, result: Result, deadline: Deadline) -> Iterator[Trial]:
    """Run the greedy variants that obey rules; values compare where no earlier level is worse than the result's."""
    candidates = Candidates(instance)
    judges = [RuleJudge(instance, rule) for rule in instance.rules]
    for variant in variants(instance):
        began = time.perf_counter()
        placement = place_greedily(instance, variant, candidates, judges, deadline)
        took = time.perf_counter() - began
        allocated = allocate(instance, placement) if placement.placed.any() else None
        verdict = None if allocated is None else verify(instance, allocated)
        if verdict is None or not verdict.ok or verdict.values is None:
            note = "no time left" if deadline.over else "found no valid placement of all VMs"
            yield Trial(str(variant), GREEDY_FAMILY, (), None, took, note)
        else:
            value, note = _compared_value(verdict.values, result)
            yield Trial(str(variant), GREEDY_FAMILY, (), value, took, note)


def _compared_value(values: tuple[Fraction, ...], result: Result) -> tuple[Fraction | None, str]:
    """Return the value on the headline's level, or the earlier level on which the placement is worse."""
    for value, known in zip(values, result.levels, strict=False):
        if known is result.headline:
            return value, ""
        if value > known.value:
            return None, f"worse on {known.name}, which comes first"
    return None, "there is nothing to compare with"
