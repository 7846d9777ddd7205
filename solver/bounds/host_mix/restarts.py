"""Branch and bound in rounds: where few numbers are still open, the search begins anew with these alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from formulations.host_mix import Cut
from formulations.tables import Integers
from solver.bounds.host_mix.covers import rounded_up
from solver.bounds.host_mix.linear import likely_mix
from solver.bounds.host_mix.rows import Rows
from solver.bounds.host_mix.tree import Tree
from solver.deadline import Deadline

FIRST_NODES = 60
"""So many nodes are explored before a restart is thought of."""

MOST_OPEN = 0.8
"""A restart pays where at most this part of the numbers is still open."""

MOST_RESTARTS = 3

HINT_SECONDS = 3.0
"""HiGHS gets at most so long to find a good mix, and a fifth of the time left."""


class WholeProgram(NamedTuple):
    """Costs and limits of shape (types,), and the cuts."""

    costs: Integers
    limits: Integers
    rows: Rows


class Outcome(NamedTuple):
    """What a search proved and found.

    Attributes
    ----------
    bound : int
        No mix costs less than this, or less than the cutoff.
    mix : int64 array or None
        The cheapest mix found.
    nodes : int
    """

    bound: int
    mix: Integers | None
    nodes: int


def explored(
    program: WholeProgram, cutoff: int, active: Integers, deadline: Deadline, restarts: int = MOST_RESTARTS
) -> Outcome:
    """Search for the cheapest mix below a cutoff, beginning with some rows in the linear program."""
    tree = Tree(*program, cutoff, active)
    tree.plant(deadline)
    tree.grow(deadline, FIRST_NODES)
    if restarts and not tree.done and not deadline.over:
        return _narrowed(tree, program.limits, deadline, restarts)
    tree.grow(deadline)
    return Outcome(tree.bound, tree.mix, tree.nodes)


def _narrowed(tree: Tree, limits: Integers, deadline: Deadline, restarts: int) -> Outcome:
    """Look for a good mix, whose cost closes many numbers, and search among the others."""
    seconds = min(HINT_SECONDS, 0.2 * deadline.left)
    core = tree.core()
    if core is not None and restarts == MOST_RESTARTS:
        hint = likely_mix(tree.costs, tree.rows, *core, seconds)
        tree.offer(None if hint is None else rounded_up(tree.costs, tree.rows, limits, hint))
        core = tree.core()
    if core is None:  # no mix is below the cutoff
        return Outcome(tree.cutoff, tree.mix, tree.nodes)
    if int((core[0] < core[1]).sum()) > MOST_OPEN * len(limits):
        tree.grow(deadline)
        return Outcome(tree.bound, tree.mix, tree.nodes)
    return _restarted(tree, core, deadline, restarts - 1)


def _restarted(tree: Tree, core: tuple[Integers, Integers], deadline: Deadline, restarts: int) -> Outcome:
    """Search anew among the numbers that are open, with what the others leave to do."""
    lower, upper = core
    free = np.flatnonzero(lower < upper)
    spent, limits = int(tree.costs @ lower), (upper - lower)[free]
    missing = (tree.rows.least - tree.rows.values @ lower)[: tree.rows.cuts].tolist()
    values = tree.rows.values[:, free].tolist()
    cuts = [Cut(tuple(values[t]), least).reduced() for t, least in enumerate(missing) if least > 0]
    rows = Rows(dict.fromkeys(cuts), limits)
    program = WholeProgram(tree.costs[free], limits, rows)
    inner = explored(program, tree.cutoff - spent, np.arange(len(rows)), deadline, restarts)
    before = tree.bound
    if inner.mix is not None:
        whole = lower.copy()
        whole[free] += inner.mix
        tree.offer(whole)
    return Outcome(max(before, inner.bound + spent), tree.mix, tree.nodes + inner.nodes)
