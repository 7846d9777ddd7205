"""Re-placement by local search alone, on one core or two."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.protocol import Answer
from benchmarks.subjects.base import solves
from benchmarks.subjects.placewright import peak_memory
from solver.inventories import read_instance


def answer_of(path: Path, seconds: float, seed: int, threads: int) -> Answer:
    """Restate an instance file as arrays and search from its current placement."""
    from formulations.restating import restated  # noqa: PLC0415 - what a subject imports is its own affair
    from solver.deadline import Deadline  # noqa: PLC0415
    from solver.engines.reassignment import reassign  # noqa: PLC0415
    from solver.placing import versions  # noqa: PLC0415

    instance = read_instance(path)
    began = time.perf_counter()
    deadline = Deadline(seconds)
    question = restated(instance)
    found = reassign(question.problem, deadline, seed=seed, threads=threads)
    return Answer(
        status=found.status.value,
        value=float(found.cost * question.step),
        bound=float(found.bound.value * question.step),
        exact=True,
        proved_by=found.bound.proved_by,
        hosts=question.placement(found.hosts).host_of.tolist(),
        trace=[(line.seconds, float(line.cost * question.step)) for line in found.trace],
        seconds=time.perf_counter() - began,
        memory=peak_memory(),
        versions=versions(),
    )


@solves("local-search", "re-placement by size-tempered annealing alone, on one thread", asks="instance")
def search_alone(problem: Path, seconds: float, seed: int) -> Answer:
    """Search in one process."""
    return answer_of(problem, seconds, seed, threads=1)


@solves("local-search-2", "the same by two processes on two cores", asks="instance", cores=2)
def search_in_two(problem: Path, seconds: float, seed: int) -> Answer:
    """Search in two processes."""
    return answer_of(problem, seconds, seed, threads=2)
