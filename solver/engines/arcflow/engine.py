"""Vector packing by arc-flow: the exact bound of the relaxation first, then CBC on the arcs that matter."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from math import ceil, gcd

import numpy as np

from formulations.arcflow import ArcFlow, Network
from formulations.host_mix import Cut
from formulations.program import ContradictionError
from formulations.tables import Integers
from formulations.vector_packing import Packing
from solver.backends.base import Backend, BackendInterrupted, Outcome, Settings, Solution
from solver.bounds.host_mix import HostMix
from solver.engines.arcflow.certificate import Certificate, certified
from solver.engines.arcflow.relaxation import relaxed
from solver.engines.packing_search import PackingSearch

log = logging.getLogger("placewright")

NAME = "arc-flow"

_NOISE = Fraction(1, 10**6)
"""A backend's bound may be too high by so much, relatively."""

_MIXING = 5.0
"""Numbers of bins get at most so many seconds of their own, and a tenth of the time left."""

_WIDER = 4
"""By how much the range of costs that is searched grows each time."""


def pack_by_arcflow(search: PackingSearch, backend: Backend, settings: Settings | None = None) -> None:
    """Look for the cheapest packing as an integer flow; offer packings, prove and claim bounds.

    The relaxation's bound is proved in integers, and so is what follows from it: where fixing by
    reduced costs leaves no flow at a cost, the next cost is proved. What only the backend says, it
    claims (`PackingSearch.claim`). Suits bins that hold few items each.

    Parameters
    ----------
    search : PackingSearch
        The better its incumbent, the fewer arcs are left to the backend.
    backend : Backend
    settings : Settings, optional
        A gap is ignored: arc-flow is for proof.

    Raises
    ------
    UnsupportedError
        If the graph would be too large: found out in seconds, before memory is short.
    BackendError
        If the backend fails; what was found and proved before stays in the search.
    """
    if search.done or _settled_at_once(search):
        return
    try:
        network = Network.of(search.problem, stop=lambda: search.deadline.over)
    except TimeoutError:
        return
    log.debug("%.2f s: arc-flow graph of %d arcs", search.deadline.elapsed, network.graph.arcs)
    plain = Settings() if settings is None else settings
    _ArcFlowSearch(search, backend, Settings(0.0, plain.seed, plain.threads, plain.nodes), network).run()


def _settled_at_once(search: PackingSearch) -> bool:
    """Answer problems that have no graph: no items, items that fit nowhere, items that take nothing."""
    problem = search.problem
    if not problem.fits.any(axis=1).all():
        search.infeasible = True
    elif not problem.sizes.any():
        bins = list[tuple[int, Integers, int]]()
        if problem.items:
            existing = np.flatnonzero(problem.available > 0)
            cheapest = int(existing[problem.costs[existing].argmin()])
            bins.append((cheapest, problem.demand, 1))
            search.prove(int(problem.costs[cheapest]), "one bin is needed")
        search.offer(Packing.of(bins, problem.flavours), NAME)
    else:
        return False
    return True


def _volumes(network: Network) -> Iterator[Cut]:
    """Yield for each resource that the bins have together at least what all items take."""
    rooms = network.lattice.room - network.lattice.used
    for room, size in zip(rooms.T.tolist(), network.lattice.sizes.T.tolist(), strict=True):
        yield Cut(tuple(room), sum(s * d for s, d in zip(size, network.demand.tolist(), strict=True)))


class _ArcFlowSearch:
    """One search, from the bound up, in ranges of costs."""

    def __init__(self, search: PackingSearch, backend: Backend, settings: Settings, network: Network) -> None:
        self.search, self.backend, self.settings, self.network = search, backend, settings, network
        costs, available = network.costs.tolist(), network.available.tolist()
        self.step = gcd(*costs) or 1
        self.dearest = sum(cost * number for cost, number in zip(costs, available, strict=True))

    def run(self) -> None:
        """Bound, then search ranges of growing width until all is settled or time is over."""
        certificate = self._bound()
        width = 0
        while not (self.search.settled or self.search.deadline.over):
            if not self._search_up_to(self._target(width), certificate):
                return
            width = max(self.step, int(self.network.costs.max()) // _WIDER, width * _WIDER)

    def _bound(self) -> Certificate | None:
        """Prove what the relaxation of the whole network says; return the certificate if there is one."""
        relaxation = relaxed(self.network, self.search.deadline)
        if relaxation is None:
            return None
        certificate = certified(self.network, relaxation.worth)
        if certificate is None:
            self.search.infeasible = True
            return None
        self.search.prove(self._at_least(certificate.lower), NAME)
        if len(self.network.costs) > 1:
            self._bound_mix(certificate)
        return certificate

    def _bound_mix(self, certificate: Certificate) -> None:
        """Prove what numbers of bins of several types must cost: they are whole, which the relaxation ignores."""
        search, network = self.search, self.network
        mixing = HostMix(network.costs, network.available)
        for cut in (certificate.cut(), *_volumes(network)):
            mixing.add(cut)
        proof = mixing.prove(search.deadline.within(min(_MIXING, 0.1 * search.deadline.left)), search.cost)
        if proof.infeasible:
            search.infeasible = True
        else:
            search.prove(proof.bound, f"{NAME}, host mix")

    def _target(self, width: int) -> int:
        """Return the cost up to which to search next: below the incumbent, all costs if there is no telling."""
        low = max(self.search.bound, self.search.claimed)
        if self.search.cost is not None:
            return min(low + width, self.search.cost - self.step)
        return low + width if width <= low + self.step else self.dearest

    def _search_up_to(self, target: int, certificate: Certificate | None) -> bool:
        """Settle whether a packing costs at most ``target``; say whether that came to an end."""
        network = self.network
        if certificate is not None:
            network = network.restricted(certificate.kept(target))
            if self._none_up_to(target, network):
                self.search.prove(self._at_least(Fraction(target + 1)), f"{NAME}, fixing by reduced costs")
                return True
        log.debug("%.2f s: %d arcs up to cost %d", self.search.deadline.elapsed, network.graph.arcs, target)
        solution = self._solve(network, target)
        return solution is not None and self._learn(solution, target)

    def _none_up_to(self, target: int, network: Network) -> bool:
        """Whether it is proved that no packing costs at most ``target``, given the arcs that may be part of one."""
        relaxation = relaxed(network, self.search.deadline)
        if relaxation is None:
            return False
        again = certified(network, relaxation.worth)
        return again is None or again.lower > target

    def _solve(self, network: Network, target: int) -> Solution | None:
        """Ask the backend for the cheapest packing up to a cost; offer what it finds."""
        search = self.search
        try:
            model = ArcFlow(network, stop=lambda: search.deadline.over)
            model.hold_cost(search.bound, None if search.cost is None else target)
        except ContradictionError:
            return Solution(Outcome.INFEASIBLE, backend="no arc is left")
        except TimeoutError:
            return None
        try:
            solution = self.backend.solve(model.problem, deadline=search.deadline, settings=self.settings)
        except BackendInterrupted as interruption:
            self._offer(model, interruption.solution)
            raise
        return solution if self._offer(model, solution) else None

    def _offer(self, model: ArcFlow, solution: Solution) -> bool:
        """Offer a solution's packing; say whether it is whole in integers."""
        if not solution.found:
            return True
        try:
            packing = model.decode(solution.values)
        except ValueError as error:
            log.warning("%s, %s: %s; the solution is dropped", NAME, solution.backend, error)
            return False
        self.search.offer(packing, f"{NAME}, {solution.backend}")
        return True

    def _learn(self, solution: Solution, target: int) -> bool:
        """Claim what the backend's end means for costs up to ``target``; say whether it came to an end."""
        search, who = self.search, f"{NAME}, {solution.backend}"
        beyond = self._at_least(Fraction(target + 1))
        if solution.outcome is Outcome.INFEASIBLE:
            search.claim(None if search.cost is None and target >= self.dearest else beyond, who)
        elif solution.bound is not None:
            sound = Fraction(solution.bound) - max(Fraction(1), abs(Fraction(solution.bound))) * _NOISE
            search.claim(min(self._at_least(sound), beyond), who)
        return solution.outcome in (Outcome.INFEASIBLE, Outcome.OPTIMAL)

    def _at_least(self, lower: Fraction) -> int:
        """Return the next cost that bins can have together."""
        return max(0, ceil(lower / self.step) * self.step)
