"""The allocation of a whole placement: every host's members, by their isolation levels and a policy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from formulations.allocation.container import Container, dominant, max_min
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from solver.allocating import filling, flat
from solver.allocating.claims import Claims, Mask
from solver.allocating.containers import containers_of
from solver.allocating.pools import PoolTree
from solver.allocating.programs import Goal, named, optimum
from solver.backends.base import Backend
from solver.deadline import Deadline

Integers = NDArray[np.int64]

Policy = Literal["utilisation", "satisfaction", "maxmin", "drf", "entitlement"]


def allocate(
    instance: Instance,
    placement: Placement,
    policy: Policy = "satisfaction",
    backend: Backend | None = None,
    deadline: Deadline | None = None,
) -> Placement | None:
    """Return the placement with what every VM gets; None if some host cannot hold its floors.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Who is where, and in which NUMA cells on hosts that list them. An allocation that it
        carries is not looked at.
    policy : {"satisfaction", "utilisation", "maxmin", "drf", "entitlement"}
        ``satisfaction`` makes ``sum shares * max(0, d - a) / d`` as small as this placement
        allows, exactly; ``utilisation`` makes ``sum a / C`` as large; ``maxmin`` is the
        lexicographic max-min of ``a / (shares * d)``, resource by resource; ``drf`` is weighted
        dominant resource fairness with bounds; ``entitlement`` divides in proportion to shares,
        first up to demands and then up to limits, through the pools. All but ``drf`` then hand
        out what is left in proportion to shares, up to the limits.
    backend : Backend, optional
        Used where closed forms do not reach: for slices of whole cores, and for VMs over several
        NUMA cells. CBC unless given.
    deadline : Deadline, optional
        For the backend.

    Raises
    ------
    InputError
        If the policy is unknown, or the placement does not fit the instance's hosts and cells.
    BackendError
        If a program was needed and the backend failed.
    """
    if policy not in get_args(Policy):
        raise InputError(f"unknown policy {policy!r}; expected one of {', '.join(get_args(Policy))}", "policy")
    job = _Job(Claims.of(instance, placement), placement, policy, backend, deadline or Deadline())
    amounts = job.amounts()
    if amounts is None:
        return None
    allocation = np.zeros((instance.vm_count, len(instance.resources)), dtype=np.int64)
    allocation[job.claims.vm] = amounts
    return placement.with_allocation(allocation)


@dataclass(frozen=True, eq=False)
class _Job:
    """One allocation: hosts where all limits fit, or of one row, all at once; the others one by one."""

    claims: Claims
    placement: Placement
    policy: Policy
    backend: Backend | None
    deadline: Deadline

    @cached_property
    def singular(self) -> Mask:
        """Which hosts have rows that cross, whole cores, pools, or sums beyond 64 bits."""
        claims = self.claims
        budgets = claims.any_on(claims.full) & claims.any_on(claims.protected)
        mask = claims.crossing | claims.any_on(claims.pinned) | budgets | claims.overflowing(claims.upper)
        if self.tree is not None:
            mask |= claims.any_on(self.tree.pool_of >= 0)
        return np.asarray(mask, dtype=np.bool_)

    @cached_property
    def tree(self) -> PoolTree | None:
        """The pools, where they count."""
        return PoolTree(self.claims) if self.policy == "entitlement" and self.claims.instance.pools else None

    def amounts(self) -> Integers | None:
        """Return what every claim gets, None if floors do not fit somewhere."""
        claims = self.claims
        if not self._floors_fit():
            return None
        rigid = claims.upper is claims.lower
        roomy = ~self.singular if rigid else self._fits(claims.upper) & ~self.singular
        amounts = np.where(roomy[claims.host][:, None], claims.upper, claims.lower)
        if self.policy == "drf":
            amounts = np.where(claims.demand > 0, amounts, claims.lower)
        alone = self.singular
        if self.policy == "drf":
            alone = ~roomy
        else:
            self._fill_plain(amounts, ~roomy & ~alone)
        for host in np.flatnonzero(alone).tolist():
            part = self._host(host)
            if part is None:
                return None
            amounts[claims.members(host)] = np.array(part, dtype=np.int64).T
        return amounts

    def _floors_fit(self) -> bool:
        """Return whether floors and bursts fit on the hosts of one row, and pinned VMs have cores."""
        claims, tables = self.claims, self.claims.instance.tables
        if (claims.lower > claims.upper).any():
            return False
        if tables.cpu is not None and claims.pinned.any():
            coreless = tables.core[claims.host_entry][claims.host] == 0
            if (claims.pinned & coreless & (claims.upper[:, tables.cpu] > 0)).any():
                return False
        fits = self._fits(claims.lower, bursting=bool(claims.protected.any()))
        return bool((fits | self.singular).all())

    def _fits(self, amounts: Integers, *, bursting: bool = False) -> Mask:
        """Return which hosts hold these amounts, and the largest bursts beside them if asked, in every cell."""
        claims, places = self.claims, self.claims.places
        fits = np.ones(len(claims.hosts), dtype=np.bool_)
        whole = flat.Groups(claims.host, claims.capacity), np.arange(len(claims.hosts))
        local = flat.Groups(places.place, places.capacity), places.host
        for groups, host in (whole, local) if claims.celled else (whole,):
            left = groups.capacity - np.stack([groups.sums(amounts[:, r]) for r in range(amounts.shape[1])], axis=1)
            if bursting:
                left -= claims.largest_bursts(groups.group, len(left))
            fits[host[(left < 0).any(axis=1)]] = False
        return fits

    def _fill_plain(self, amounts: Integers, hosts: Mask) -> None:
        """Fill hosts whose rows nest, all at once, resource by resource."""
        claims, places = self.claims, self.claims.places
        where = np.flatnonzero(hosts[claims.host])
        if not len(where):
            return
        host = (np.cumsum(hosts) - 1)[claims.host[where]]
        chosen = hosts[places.host]
        place = (np.cumsum(chosen) - 1)[places.place[where]]
        for r in range(amounts.shape[1]):
            levels: tuple[flat.Groups, ...] = (flat.Groups(host, claims.capacity[hosts, r]),)
            if claims.celled:
                levels = (flat.Groups(place, places.capacity[chosen, r]), *levels)
            plain = flat.Hosts(
                levels,
                lower=claims.lower[where, r],
                demand=claims.demand[where, r],
                upper=np.minimum(claims.upper[where, r], claims.capacity[claims.host[where], r]),
                shares=claims.shares[where, r],
            )
            amounts[where, r] = flat.with_the_rest(plain, _FLAT[self.policy](plain))

    def _host(self, host: int) -> list[list[int]] | None:
        """Return what the members of one host get of each resource, by exact arithmetic or a program."""
        containers = containers_of(self.claims, self.placement, host)
        if not all(container.feasible for container in containers):
            return None
        if self.policy == "drf":
            return _dominant_resource_fairness(containers, self.claims.capacity[host].tolist())
        return [self._resource(host, r, container.binding()) for r, container in enumerate(containers)]

    def _resource(self, host: int, r: int, container: Container) -> list[int]:
        if self.tree is not None:
            return self._pooled(host, r, container, self.tree)
        if not container.rows:
            return list(container.upper)
        match self.policy:
            case "maxmin":
                first = filling.filled(max_min(container))
            case "entitlement":
                first = filling.entitled(container)
            case "utilisation":
                first = self._fullest(host, container)
            case _:
                first = self._most_satisfied(host, container)
        return filling.with_the_rest(container, first)

    def _fullest(self, host: int, container: Container) -> list[int]:
        """Return an allocation that uses the most: even if that can be, else by a program."""
        fair = filling.brimful(container)
        if filling.is_fullest(container, fair):
            return fair
        found = self._optimum(host, container, "utilisation")
        settled = filling.settle(container, {i: found[i] for i in container.stepped})
        if settled.laminar:
            found = filling.brimful(settled)
        return fair if sum(fair) >= sum(found) else found

    def _most_satisfied(self, host: int, container: Container) -> list[int]:
        """Return an allocation with the least unmet demand: greedy where rows are laminar, else by a program."""
        if container.fits(wanted := filling.wanted(container)):
            return wanted
        if not container.stepped and container.laminar:
            return filling.satisfied(container)
        found = self._optimum(host, container, "satisfaction")
        settled = filling.settle(container, {i: found[i] for i in container.stepped})
        return filling.satisfied(settled) if settled.laminar else found

    def _optimum(self, host: int, container: Container, goal: Goal) -> list[int]:
        """Ask the backend; only where cores alone do not settle the rest must all be integers."""
        vms, names = self.claims.vm[self.claims.members(host)].tolist(), self.claims.instance.vm_names
        rest = filling.settle(container, dict.fromkeys(container.stepped, 0))
        model = named(container, [names.name(vm) for vm in vms])
        found = optimum(model, goal, self._program_backend(), self.deadline, integral=not rest.laminar)
        return filling.evened(container, found)

    def _program_backend(self) -> Backend:
        if self.backend is not None:
            return self.backend
        from solver.backends.cbc import CbcBackend  # noqa: PLC0415 (most allocations need no program)

        return CbcBackend()

    def _pooled(self, host: int, r: int, container: Container, tree: PoolTree) -> list[int]:
        target = tree.divide(host, r, container, int(self.claims.capacity[host, r]))
        bounded = container.limited_by(tree.limits(host, r, container))
        first = target if bounded.fits(target) else filling.towards(bounded, target)
        return filling.with_the_rest(bounded, first)


_FLAT = {
    "utilisation": flat.utilisation,
    "satisfaction": flat.satisfaction,
    "maxmin": flat.max_min,
    "entitlement": flat.entitlement,
}


def _dominant_resource_fairness(containers: tuple[Container, ...], capacities: list[int]) -> list[list[int]]:
    exact = filling.progressive_filling(dominant(containers, capacities))
    return [filling.whole(container, part) for container, part in zip(containers, exact, strict=True)]


def unallocated(instance: Instance, placement: Placement) -> dict[int, Integers]:
    """Return what is left on every host in use: its number, and an int64 array, shape (resources,).

    The free slice of full isolation, in quanta; negative where a placement overfills a host.

    Raises
    ------
    InputError
        If the placement carries no allocation.
    """
    claims, allocation = Claims.of(instance, placement), _allocation(placement)
    left = claims.capacity - claims.total(allocation[claims.vm])
    return dict(zip(claims.hosts.tolist(), left, strict=True))


def satisfaction(instance: Instance, placement: Placement) -> NDArray[np.float64]:
    """Return ``min(a, d) / d`` of every VM and resource, 1 where ``d = 0``: shape (VMs, resources).

    Raises
    ------
    InputError
        If the placement carries no allocation.
    """
    demand = instance.tables.demand[instance.vm_entry].astype(np.float64)
    met = np.minimum(_allocation(placement), demand)
    return np.divide(met, demand, out=np.ones_like(demand), where=demand > 0)


def _allocation(placement: Placement) -> Integers:
    if placement.allocation is None:
        raise InputError("expected a placement with an allocation", "placement.allocation")
    return placement.allocation
