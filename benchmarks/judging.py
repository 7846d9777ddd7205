"""The judge of a benchmark: recomputes in integers what a subject's answer is worth."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.problems import Problem
from benchmarks.protocol import Answer, PackingFile
from formulations.errors import PlacewrightError
from formulations.instance import Instance
from formulations.objective import HOST_TERMS
from formulations.placement import Placement
from formulations.vector_packing import Packing, VectorPacking
from solver.inventories import read_instance, read_placement
from solver.verifying import verify


class Judgement(NamedTuple):
    """Whether an answer holds, what it is worth, and what is wrong with it."""

    verified: bool
    value: float | None
    fault: str = ""


def judge(problem: Problem, answer: Answer) -> Judgement:
    """Return what the answer to a problem is worth; a claim without a placement stays unverified."""
    try:
        if answer.patterns is not None and problem.packing is not None:
            return judge_packing(PackingFile.read(Path(problem.packing)).problem, answer)
        if answer.hosts is not None or answer.output:
            return judge_placement(read_instance(problem.instance), answer)
    except PlacewrightError as error:
        return Judgement(verified=False, value=None, fault=f"judge: {error}")
    return Judgement(verified=False, value=answer.value)


def judge_packing(problem: VectorPacking, answer: Answer) -> Judgement:
    """Return what patterns are worth, after taking out what is packed beyond the demand."""
    bins = []
    for filling in answer.patterns or []:
        if not 0 <= filling.type < problem.types or not all(0 <= i < problem.flavours for i, _ in filling.items):
            return Judgement(verified=False, value=None, fault="judge: a pattern names a type or flavour unknown")
        pattern = np.zeros(problem.flavours, dtype=np.int64)
        for flavour, count in filling.items:
            pattern[flavour] += count
        bins.append((filling.type, pattern, filling.times))
    packing = Packing.of(bins, problem.flavours)
    negative = bool((packing.patterns < 0).any())
    overfull = bool((packing.patterns @ problem.sizes > problem.capacities[packing.types]).any())
    if not negative and not overfull:  # taking out what is too much must not mend what is wrong
        packing = packing.trimmed(problem)
    if faults := packing.faults(problem):
        return Judgement(verified=False, value=None, fault=f"judge: {'; '.join(faults[:3])}")
    return Judgement(verified=True, value=float(packing.cost(problem)))


def judge_placement(instance: Instance, answer: Answer) -> Judgement:
    """Return what a placement is worth on the level that results speak of."""
    verdict = verify(instance, _placement(instance, answer))
    if not verdict.ok or verdict.values is None:
        fault = str(verdict.violations[0]) if verdict.violations else "the objective is not defined without allocation"
        return Judgement(verified=False, value=None, fault=f"judge: {fault}")
    return Judgement(verified=True, value=float(verdict.values[headline_of(instance)]))


def headline_of(instance: Instance) -> int:
    """Return the number of the level that results speak of: the hosts' cost, else the first."""
    costly = (n for n, level in enumerate(instance.levels) if any(term.kind in HOST_TERMS for term in level.terms))
    return next(costly, 0)


def _placement(instance: Instance, answer: Answer) -> Placement:
    if answer.output:
        return read_placement(answer.output, instance)
    allocation = None if answer.allocation is None else np.array(answer.allocation, dtype=np.int64)
    cells = None if answer.cells is None else np.array(answer.cells, dtype=np.int64)
    return Placement(np.array(answer.hosts, dtype=np.int64), allocation, cells)
