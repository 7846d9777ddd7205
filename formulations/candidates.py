"""Candidates: which hosts a VM could run on at all, whatever the others do."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.isolation import Full
from formulations.rules import Ban, Fence, Ignore, Pin, Rule
from formulations.tables import NO_LIMIT

Mask = NDArray[np.bool_]


class Candidates:
    """Hosts that a VM fits on when alone and that no hard unary rule closes to it.

    Unary rules are ban, fence, pin and ignore: what they say of a VM does not depend on others.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._fits: dict[int, Mask] = {}
        self._alike: dict[tuple[object, ...], Mask] = {}
        self._host_entry = instance.host_names.entries()
        self._celled = [host for host, cells in enumerate(instance.tables.cells) if cells is not None]

    def hosts_of(self, vm: int) -> Mask:
        """Return which hosts are open to a VM: shape (hosts,)."""
        mask = self.fits(int(self.instance.vm_entry[vm]))[self._host_entry]
        if self.instance.ignored[vm]:
            mask = np.ones(self.instance.host_count, dtype=np.bool_)
        for allowed in self._rule_masks.get(vm, ()):
            mask = mask & allowed
        return mask

    @property
    def bound(self) -> Iterable[int]:
        """The VMs that a hard unary rule speaks of."""
        return self._rule_masks.keys()

    def fits(self, entry: int) -> Mask:
        """Return which host entries an empty host of could take the VM entry: shape (host entries,)."""
        if entry not in self._fits:
            tables = self.instance.tables
            like = (tables.lower[entry].tobytes(), tables.upper[entry].tobytes(), int(tables.numa[entry]))
            own = (*like, tables.demand[entry].tobytes(), self.instance.isolation_of(entry))
            if own not in self._alike:
                self._alike[own] = self._compute_fits(entry)
            self._fits[entry] = self._alike[own]
        return self._fits[entry]

    def _compute_fits(self, entry: int) -> Mask:
        tables = self.instance.tables
        fits: Mask = self.instance.usable_entries & (tables.lower[entry] <= tables.capacity).all(axis=1)
        numa = int(tables.numa[entry])
        for host in self._celled:
            cells = tables.cells[host]
            if fits[host] and cells is not None:
                room = ((cells < 0) | (cells * numa >= tables.lower[entry])).all(axis=1)
                fits[host] = int(room.sum()) >= numa
        return fits & self._pinnable(entry)

    def _pinnable(self, entry: int) -> Mask:
        """Return which host entries could give a pinned VM whole cores inside its bounds."""
        tables, own = self.instance.tables, self.instance.isolation_of(entry)
        if not (isinstance(own, Full) and own.pinned) or tables.cpu is None:
            return np.ones(len(self.instance.hosts), dtype=np.bool_)
        capacity, limit = tables.capacity[:, tables.cpu], int(tables.upper[entry, tables.cpu])
        most = (
            np.maximum(capacity, tables.demand[entry, tables.cpu])
            if limit == NO_LIMIT
            else np.full_like(capacity, limit)
        )
        core = np.maximum(tables.core, 1)
        least = -(-tables.lower[entry, tables.cpu] // core) * core
        pinnable: Mask = (most == 0) | ((tables.core > 0) & (least <= np.minimum(most, capacity)))
        return pinnable

    @cached_property
    def _rule_masks(self) -> dict[int, list[Mask]]:
        masks: dict[int, list[Mask]] = {}
        for rule in self.instance.rules:
            if isinstance(rule, Ignore) or (isinstance(rule, Pin) and rule.host is None and rule.hard):
                self._stay(masks, rule)
            elif (allowed := self._allowed_by(rule)) is not None:
                for vm in self.instance.vms_called(next(iter(rule.vm_selectors().values()))).tolist():
                    if self.instance.ruled[vm]:
                        masks.setdefault(vm, []).append(allowed)
        return masks

    def _allowed_by(self, rule: Rule) -> Mask | None:
        """Return the hosts that a hard ban, fence or pin leaves open; None for any other rule."""
        if not rule.hard or not isinstance(rule, Ban | Fence | Pin):
            return None
        named = np.zeros(self.instance.host_count, dtype=np.bool_)
        named[self.instance.hosts_called(next(iter(rule.host_selectors().values())))] = True
        return ~named if isinstance(rule, Ban) else named

    def _stay(self, masks: dict[int, list[Mask]], rule: Pin | Ignore) -> None:
        """Leave a VM with a current host no other."""
        bound = self.instance.wanted if isinstance(rule, Ignore) else self.instance.ruled
        for vm in self.instance.vms_called(rule.vms).tolist():
            if bound[vm] and (here := int(self.instance.current[vm])) >= 0:
                only = np.zeros(self.instance.host_count, dtype=np.bool_)
                only[here] = True
                masks.setdefault(vm, []).append(only)
