"""The one way to an answer: bounds, a greedy incumbent, improvement until proof or the deadline."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np

from formulations.cell_packing import CellPacking
from formulations.counting import Counting
from formulations.errors import UnsupportedError
from formulations.instance import Instance
from formulations.objective import ObjectiveLevel, Term
from formulations.placement import Placement
from solver.allocating import Policy
from solver.backends import backend_named
from solver.backends.base import Backend, Settings
from solver.backends.missing import MissingBackend
from solver.deadline import Deadline
from solver.engines.bounding import bound_levels
from solver.engines.cells.engine import CellSearch, cell_packing
from solver.engines.counted import CountedSearch, counted
from solver.engines.exact import solve_exactly
from solver.engines.greedy import place_greedily, variants
from solver.engines.neighbourhoods import ParallelSearch
from solver.engines.reassigning import Reassigning, reassigning
from solver.engines.search import Search
from solver.errors import BackendError, BackendMissingError
from solver.explaining import explain, hopeless
from solver.result import Incumbent, LevelResult, Reason, Result, Status

log = logging.getLogger("placewright")

SMALL_PAIRS = 2_000
"""Up to this many VM-host pairs the whole model is solved at once."""

MOST_PAIRS = 15_000
"""Beyond this many pairs the whole model is not built when a placement is known."""

TINY_PAIRS = 300
"""Up to this many pairs the whole model is quicker than what has to be loaded for counting."""

MOST_VMS_ONE_BY_ONE = 200_000
"""Beyond this many VMs greed is left out where they can be counted."""

COUNTING_SHARE = 0.4
"""The counted question gets at most this share of the time where it is not the whole question."""

CELLS_SHARE = 0.7
"""Packing NUMA cells gets at most this share of the time."""

FIRST_LOOK = 0.1
"""Part of the time for local search before the whole model of a small instance."""

MODEL_PAIRS = 6_000
"""Up to this many pairs the whole model gets most of the time where local search can search, too."""

LOCAL_SHARE = 0.9
"""Part of the time for local search where it can search; the rest is for neighbourhoods."""

LAST_JUDGING = 4.0
"""Neighbourhoods end so many times as long before the deadline as judging a placement takes."""

MOST_PAIRS_WITHOUT_INCUMBENT = 200_000
"""Beyond this many pairs the whole model is not built at all."""

DEFAULT_SECONDS = 60.0


def place(
    instance: Instance,
    *,
    seconds: float = DEFAULT_SECONDS,
    gap: float = 0.0,
    seed: int = 0,
    threads: int = 1,
    backend: str | Backend = "cbc",
    policy: Policy = "satisfaction",
    start: Placement | None = None,
    iterations: int | None = None,
    reasons: bool = True,
    progress: Callable[[Incumbent], None] | None = None,
) -> Result:
    """Find who runs where and what each gets, as well as the time allows, and prove it.

    Parameters
    ----------
    instance : Instance
    seconds : float
        Wall-clock time allowed, reasons included; infinite is allowed.
    gap : float
        Stop when every level is within this relative gap of its bound; 0 asks for proof.
    seed : int
        With ``iterations``, the same seed gives the same answer on one thread.
    threads : int
        Threads that the MILP solver may use.
    backend : {"cbc", "highs"} or Backend
        The MILP solver.
    policy : str
        Who gets what above the floors; see `solver.allocating.allocate`.
    start : Placement, optional
        A placement to improve on; used if the judge accepts it.
    iterations : int, optional
        Stop the neighbourhood search after so many steps instead of by time.
    reasons : bool
        Whether to explain an infeasible instance.
    progress : callable, optional
        Called with every new incumbent.

    Returns
    -------
    Result
        Never a placement that the judge rejects. After Ctrl-C the best so far.

    Raises
    ------
    UnsupportedError
        If the objective is not defined for the instance.
    VerificationError
        If placewright contradicts itself: a defect.
    """
    solver = _backend(backend)
    settings = Settings(gap=gap, seed=seed, threads=threads)
    search = Search(instance, Deadline(seconds), solver, settings, policy, progress)
    failed = interrupted = False
    why: tuple[Reason, ...] = ()
    try:
        _answer(search, start, iterations)
        if search.infeasible and reasons:
            why = explain(instance, feasible=_oracle(solver, settings), deadline=search.deadline)
    except KeyboardInterrupt:
        interrupted = True
    except BackendError as error:
        failed = isinstance(error, BackendMissingError)
        if str(error) not in search.warnings:
            search.warnings.append(str(error))
    said = {"seconds": seconds, "gap": gap, "seed": seed, "threads": threads, "iterations": iterations}
    stated = {**said, "backend": solver.name, "policy": policy}
    return _result(search, why, stated, failed=failed, interrupted=interrupted)


def _backend(backend: str | Backend) -> Backend:
    """Return the backend meant; one that is not installed fails when it is needed, not before."""
    if not isinstance(backend, str):
        return backend
    try:
        return backend_named(backend)
    except BackendMissingError as error:
        return MissingBackend(error)


def _answer(search: Search, start: Placement | None, iterations: int | None) -> None:
    """Fill the search with what can be found and proved."""
    if start is not None:
        search.offer(start, "given")
    _offer_current_hosts(search)
    if search.values is None and hopeless(search.instance):
        search.infeasible = True
        return
    pairs = search.instance.vm_count * search.instance.host_count
    local = reassigning(search) if pairs > TINY_PAIRS else None
    if local is not None and search.values is not None:
        _replace(search, local, pairs, iterations)
        return
    question = counted(search)
    huge = question is not None and question.exact and search.instance.vm_count > MOST_VMS_ONE_BY_ONE
    cells = cell_packing(search) if pairs > SMALL_PAIRS else None
    whole = cells is not None and len(cells.levels) == len(search.levels)
    counted_by_cells = cells is not None and whole and _fill_cells(search, cells, iterations)
    best_effort = None if huge or (counted_by_cells and search.values is not None) else _greedy(search)
    if cells is not None and not whole and not search.done:
        counted_by_cells = _fill_cells(search, cells, iterations)
    if not search.done:
        bound_levels(search)
    # The whole model of a small instance is quick, and sees what counting does not.
    if question is not None and not counted_by_cells and pairs > (TINY_PAIRS if question.exact else SMALL_PAIRS):
        _count(search, question, iterations)
    if search.values is None and not search.done:
        _find_any(search, best_effort, pairs, iterations)
    if search.values is None:
        return
    if local is not None:
        _replace(search, local, pairs, iterations)
    else:
        _improve(search, pairs, iterations)


def _fill_cells(search: Search, packing: CellPacking, iterations: int | None) -> bool:
    """Answer the counted question of hosts with NUMA cells; say whether that could be asked.

    It comes before greed where it says all that the objective asks.
    """
    try:
        engine = CellSearch(search, packing, by_nodes=iterations is not None)
    except UnsupportedError as error:
        log.info("not counted: %s", error)
        return False
    engine.run(search.deadline.within(CELLS_SHARE * search.deadline.left))
    return True


def _count(search: Search, question: Counting, iterations: int | None) -> None:
    """Answer the counted question: all there is where counting is exact, a start and a bound where it is not."""
    counting = CountedSearch(search, question)
    if search.done or not counting.worthwhile:
        return
    others = any(not search.met(level) for level in range(len(search.levels)) if level != question.level)
    share = COUNTING_SHARE if others or not question.exact else 1.0
    counting.run(search.deadline.within(share * search.deadline.left), by_dives=iterations is not None)


def _offer_current_hosts(search: Search) -> None:
    """Staying put is an answer, too; where hosts have NUMA cells, nobody said in which ones VMs are."""
    instance = search.instance
    if bool((instance.current >= 0).any()) and all(cells is None for cells in instance.tables.cells):
        search.offer(Placement(np.where(instance.wanted, instance.current, -1)), "current hosts")


def _greedy(search: Search) -> Placement | None:
    """Try every greedy variant; return the fullest placement even if it is not complete."""
    fullest: Placement | None = None
    longest = 0.0
    for variant in variants(search.instance):
        began = search.deadline.elapsed
        if search.done or longest > search.deadline.left:
            break
        placement = place_greedily(search.instance, variant, search.candidates, search.judges, search.deadline)
        search.offer(placement, str(variant))
        if variant.fit == "stay" and search.values is not None:
            bound_levels(search)  # where little has to move, staying is often proved best at once
        if fullest is None or placement.placed.sum() > fullest.placed.sum():
            fullest = placement
        longest = max(longest, search.deadline.elapsed - began)
    return fullest


def _find_any(search: Search, best_effort: Placement | None, pairs: int, iterations: int | None) -> None:
    """Find a first placement where greed did not, or prove that there is none.

    The whole model comes first where it is not too large: its presolve sees many contradictions.
    """
    if pairs <= SMALL_PAIRS:
        solve_exactly(search, search.deadline)
        return
    if pairs <= MOST_PAIRS_WITHOUT_INCUMBENT:
        solve_exactly(search, search.deadline.within(search.deadline.left * 0.3))
    if search.values is None and not search.done and best_effort is not None:
        _repair(search, best_effort, iterations)
    if search.values is None and not search.done and pairs <= MOST_PAIRS_WITHOUT_INCUMBENT:
        solve_exactly(search, search.deadline)


def _repair(search: Search, best_effort: Placement, iterations: int | None) -> None:
    """Search for a complete placement from an incomplete one: fewest VMs without a host first."""
    relaxed = search.instance.replace(allow_unplaced=True, objective=[ObjectiveLevel(terms=[Term(kind="unplaced")])])
    side = Search(relaxed, search.deadline.within(search.deadline.left * 0.5), search.backend, search.settings)
    if not side.offer(best_effort, "greedy"):
        return
    ParallelSearch(side).run(side.deadline, iterations)
    if side.values is not None and side.values[0] == 0 and side.incumbent is not None:
        search.offer(side.incumbent, "repair by neighbourhood search")


def _improve(search: Search, pairs: int, iterations: int | None) -> None:
    """Improve the incumbent until proof or the deadline: the small whole, the large in parts."""
    if search.done:
        return
    if pairs <= SMALL_PAIRS:
        solve_exactly(search, search.deadline)
        return
    neighbours = ParallelSearch(search)
    if pairs > MOST_PAIRS or iterations is not None:
        neighbours.run(search.deadline, iterations)
        return
    neighbours.run(search.deadline.within(search.deadline.left * 0.4), iterations)
    if not search.done:
        solve_exactly(search, search.deadline.within(search.deadline.left * 0.6))
    if not search.done:
        neighbours.run(search.deadline, iterations)


def _replace(search: Search, local: Reassigning, pairs: int, iterations: int | None) -> None:
    """Improve the incumbent where local search knows all that a level asks: by it, the model and neighbourhoods."""
    bound_levels(search)
    if iterations is None and pairs <= MOST_PAIRS:
        share = FIRST_LOOK if pairs <= MODEL_PAIRS else LOCAL_SHARE / 2
        local.run(search.deadline.within(share * search.deadline.left))
        _solve_in_turn(search, pairs)
    local.run(search.deadline.within(LOCAL_SHARE * search.deadline.left), iterations)
    rest = search.deadline.within(search.deadline.left - LAST_JUDGING * search.judging)
    if not (search.done or rest.over):
        ParallelSearch(search).run(rest, iterations)


def _solve_in_turn(search: Search, pairs: int) -> None:
    """Solve the whole model; a small one first by HiGHS, then its neighbourhoods: which solver is quicker differs."""
    if pairs <= MODEL_PAIRS and not search.done:
        with _asking(search, "highs"):
            solve_exactly(search, search.deadline.within(0.75 * search.deadline.left), capped=True)
            if not search.done:
                ParallelSearch(search).run(search.deadline.within(0.5 * search.deadline.left))
    if not search.done:
        solve_exactly(search, search.deadline.within(0.5 * search.deadline.left))


@contextmanager
def _asking(search: Search, backend: str) -> Iterator[None]:
    """Let another backend than the search's own answer for a while."""
    own = search.backend
    search.backend = _backend(backend)
    try:
        yield
    finally:
        search.backend = own


def _oracle(backend: Backend, settings: Settings) -> Callable[[Instance, Deadline], bool | None]:
    """Return a function that says whether an instance has any placement; None if time does not tell."""

    def feasible(instance: Instance, deadline: Deadline) -> bool | None:
        question = instance.replace(objective=[])
        answer = place(question, seconds=deadline.left, seed=settings.seed, backend=backend, reasons=False)
        if answer.interrupted:
            raise KeyboardInterrupt
        return {Status.OPTIMAL: True, Status.INFEASIBLE: False}.get(answer.status)

    return feasible


def _result(
    search: Search, why: tuple[Reason, ...], stated: Mapping[str, object], *, failed: bool, interrupted: bool
) -> Result:
    placement = search.checked()
    levels = () if placement is None else _levels(search)
    return Result(
        instance=search.instance,
        status=_status(search, levels),
        placement=placement,
        levels=levels,
        reasons=why,
        seconds=search.deadline.elapsed,
        trace=tuple(search.trace),
        warnings=tuple(search.warnings),
        failed=failed,
        interrupted=interrupted,
        settings={name: str(value) for name, value in stated.items()},
        versions=versions(),
    )


def _levels(search: Search) -> tuple[LevelResult, ...]:
    known = zip(search.levels, search.values or (), search.bounds, strict=True)
    return tuple(
        LevelResult(stated.name, stated.said_unit, value, min(value, bound.value), bound.proved_by)
        for stated, value, bound in known
    )


def _status(search: Search, levels: tuple[LevelResult, ...]) -> Status:
    if search.incumbent is not None:
        return Status.OPTIMAL if all(level.optimal for level in levels) else Status.FEASIBLE
    return Status.INFEASIBLE if search.infeasible else Status.UNKNOWN


def versions() -> dict[str, str]:
    """Return the versions of placewright and of what it solves with."""
    names = ("placewright", "pulp", "scipy", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
