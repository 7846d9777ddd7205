"""Choosing hosts to free: by what they waste, by what they have left, by rules, by success, by chance."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.placement import Placement
from formulations.quantities import exact
from formulations.tables import Integers
from solver.engines.search import Search

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

OPERATORS = ("emptier", "wasteful", "complementary", "ruled", "lucky", "any")

UNUSED_AT_LEAST = 4

FORGETTING = 0.9
"""How much of a host's luck is left after each further step."""


class Chooser:
    """Chooses hosts to free around an incumbent.

    Parameters
    ----------
    search : Search
    rng : numpy.random.Generator
    turf : bool array, shape (hosts,), optional
        The hosts to choose from; all that are not in maintenance by default.
    """

    def __init__(self, search: Search, rng: np.random.Generator, turf: Mask | None = None) -> None:
        self.search = search
        self.instance = search.instance
        self.rng = rng
        usable = self.instance.usable_entries[self.instance.host_names.entries()]
        self._usable: Integers = np.flatnonzero(usable if turf is None else usable & turf)
        self._entry = self.instance.host_names.entries()
        self._luck: Floats = np.zeros(self.instance.host_count)

    @cached_property
    def operators(self) -> tuple[str, ...]:
        """The operators that make sense for the instance."""
        ruled = any(self.instance.rules)
        return tuple(name for name in OPERATORS if name != "ruled" or ruled)

    def rewarded(self, hosts: Integers, gain: float) -> None:
        """Remember which hosts were freed in a step that gained."""
        self._luck *= FORGETTING
        self._luck[hosts] += gain

    def choose(self, incumbent: Placement, operator: str, count: int, most_pairs: int) -> Integers:
        """Return hosts to free: about so many in use, and some unused that could replace them.

        Parameters
        ----------
        incumbent : Placement
        operator : str
            One of `operators`.
        count : int
            Hosts in use; fewer if their VMs times all hosts would be more than ``most_pairs``.
        most_pairs : int
        """
        used = np.intersect1d(incumbent.hosts_used, self._usable, assume_unique=True)
        unused = np.setdiff1d(self._usable, used, assume_unique=True)
        spare = max(UNUSED_AT_LEAST, count // 2) if self._unused_may_help(incumbent) else 0
        if not len(used):
            return self._unused(unused, self._free_load(incumbent, used), spare)
        order = used[self._ranked(incumbent, used, operator)][: max(2, count)]
        members = np.bincount(incumbent.host_of[incumbent.host_of >= 0], minlength=self.instance.host_count)
        pairs = np.cumsum(members[order]) * (np.arange(1, len(order) + 1) + spare)
        chosen = order[: max(1, int((pairs <= most_pairs).sum()))]
        return np.union1d(chosen, self._unused(unused, self._free_load(incumbent, chosen), spare))

    # -- hosts in use --------------------------------------------------------------------

    def _ranked(self, incumbent: Placement, used: Integers, operator: str) -> Integers:
        """Return the positions of the hosts in use in the order in which to free them."""
        filled = self._filled(incumbent, used)
        match operator:
            case "emptier":
                return self._weighted_order(np.maximum(1.15 - np.minimum(filled.mean(axis=1), 1.0), 0.05))
            case "wasteful":
                return self._weighted_order(self._waste(used, filled) ** 2 + 1e-3)
            case "complementary":
                return self._complementary(used, filled)
            case "ruled":
                return self._under_a_rule(incumbent, used)
            case "lucky":
                return self._weighted_order(self._luck[used] + 0.02)
        return self.rng.permutation(len(used))

    def _filled(self, incumbent: Placement, used: Integers) -> Floats:
        """Return the utilisation of each host in use by demand: shape (hosts, resources)."""
        vms = np.flatnonzero(np.isin(incumbent.host_of, used))
        loads = np.zeros((len(used), len(self.instance.resources)))
        sizes = np.maximum(self.instance.tables.demand, self.instance.tables.lower)
        np.add.at(loads, np.searchsorted(used, incumbent.host_of[vms]), sizes[self.instance.vm_entry[vms]])
        filled: Floats = loads / np.maximum(self.instance.tables.capacity[self._entry[used]], 1)
        return filled

    def _waste(self, used: Integers, filled: Floats) -> Floats:
        """Return what the unused part of each host costs, by its dearer resources, from 0 to 1."""
        idle = 1.0 - np.clip(filled, 0.0, 1.0) @ self._scarcity
        waste: Floats = self._price[used] * idle
        return waste / max(float(waste.max()), 1e-12)

    @cached_property
    def _scarcity(self) -> Floats:
        """The weight of each resource: how much of all capacity is asked for, summing to 1."""
        instance = self.instance
        wanted = np.maximum(instance.tables.demand, instance.tables.lower)[instance.vm_entry[instance.wanted]]
        capacity = instance.tables.capacity[self._entry[self._usable]].astype(np.float64).sum(axis=0)
        share: Floats = wanted.astype(np.float64).sum(axis=0) / np.maximum(capacity, 1.0)
        return share / max(float(share.sum()), 1e-12)

    def _complementary(self, used: Integers, filled: Floats) -> Integers:
        """Return a wasteful host first, then those whose leftovers differ most from its own."""
        left = np.clip(1.0 - filled, 0.0, 1.0)
        first = int(self._weighted_order(self._waste(used, filled) + 1e-3)[0])
        unlike = np.abs(left - left[first]).sum(axis=1) + 0.3 * self.rng.random(len(used))
        unlike[first] = np.inf
        order: Integers = np.argsort(-unlike, kind="stable")
        return order

    def _under_a_rule(self, incumbent: Placement, used: Integers) -> Integers:
        """Return the hosts of the VMs of one rule first: a broken one if there is any."""
        broken = self._broken(incumbent)
        number = int(self.rng.choice(len(broken), p=broken / broken.sum()))
        vms = np.asarray(self.search.judges[number].members, dtype=np.int64)
        named = np.isin(used, incumbent.host_of[vms])
        return np.argsort(self.rng.random(len(used)) - named, kind="stable")

    def _broken(self, incumbent: Placement) -> Floats:
        """Return a weight per rule: what breaking it costs now, and a little for all."""
        costs = [
            (exact(rule.price) if rule.price is not None else Fraction(0)) * judge.amount(incumbent.host_of)
            for rule, judge in zip(self.instance.rules, self.search.judges, strict=True)
        ]
        weights: Floats = np.array([float(cost) for cost in costs])
        return weights / max(float(weights.max()), 1e-12) + 0.02

    def _weighted_order(self, weights: Floats) -> Integers:
        """Return a random order in which heavier positions tend to come first.

        Efraimidis and Spirakis, Weighted random sampling with a reservoir, Information
        Processing Letters 97(5), 2006, doi:10.1016/j.ipl.2005.11.003.
        """
        keys = np.log(self.rng.random(len(weights))) / weights
        order: Integers = np.argsort(-keys, kind="stable")
        return order

    # -- unused hosts --------------------------------------------------------------------

    def _unused_may_help(self, incumbent: Placement) -> bool:
        """Whether an unused host could be better than one in use, or could take a VM without a host."""
        waiting = bool((incumbent.host_of[self.instance.wanted] < 0).any())
        kinds = {term.kind for stated in self.search.levels for term in stated.terms}
        return waiting or bool(kinds - {"unplaced"})

    def _unused(self, unused: Integers, load: Floats, count: int) -> Integers:
        """Choose unused hosts, those first that hold the load at the least price."""
        if count <= 0 or not len(unused):
            return unused[:0]
        held = np.minimum(self.instance.tables.capacity[self._entry[unused]], load) / np.maximum(load, 1.0)
        rate = self._price[unused] / np.maximum(held @ self._scarcity, 1e-9)
        rank = np.empty(len(unused))
        rank[np.argsort(rate + 1e-9 * self.rng.random(len(unused)), kind="stable")] = np.arange(len(unused))
        return unused[self._weighted_order(1.0 / (1.0 + rank))[:count]]

    def _free_load(self, incumbent: Placement, hosts: Integers) -> Floats:
        """Return what the VMs on these hosts, and those without any, ask for: shape (resources,)."""
        vms = self.instance.wanted & (np.isin(incumbent.host_of, hosts) | (incumbent.host_of < 0))
        sizes = np.maximum(self.instance.tables.demand, self.instance.tables.lower)
        load: Floats = sizes[self.instance.vm_entry[vms]].astype(np.float64).sum(axis=0)
        return load

    @cached_property
    def _price(self) -> Floats:
        """What each host in use costs, in the first level that says; 1 where none does."""
        hosts = self.instance.hosts
        kinds = {term.kind for stated in self.search.levels for term in stated.terms}
        prices = np.ones(len(hosts))
        if "cost" in kinds:
            prices = np.array([float(exact(host.cost or 0)) for host in hosts])
        elif "energy" in kinds:
            prices = np.array([float(exact(host.idle_power)) for host in hosts])
        return np.maximum(prices, 1e-6)[self._entry]
