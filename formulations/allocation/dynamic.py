"""Dynamic allocation: ``a(t) = f(t) * C + g(t) * d(t)`` over periods, with limits on the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import pulp

from formulations.allocation.contention import Amount, HostResource, amount
from formulations.allocation.linear import Level, PolicyTerms
from formulations.errors import InputError


@dataclass(frozen=True)
class Horizon:
    """One resource of one host over periods, and how fast allocations there may change.

    Make it with `Horizon.of`, which takes plain numbers.

    Parameters
    ----------
    periods : tuple of HostResource
        At least one; the same VMs in each.
    ramps : tuple of (Fraction or None), shape (VMs,)
        The largest ``|a(t) - a(t-1)|``; None where there is no such limit.
    initial : tuple of Fraction, shape (VMs,), optional
        The allocation just before the first period, from which the first change is counted.
    """

    periods: tuple[HostResource, ...]
    ramps: tuple[Fraction | None, ...]
    initial: tuple[Fraction, ...] | None = None

    def __post_init__(self) -> None:
        if not self.periods:
            raise InputError("expected at least one period", "periods")
        vms = self.periods[0].vms
        if any(period.vms != vms for period in self.periods):
            raise InputError("expected the same VMs in every period", "periods")
        if len(self.ramps) != len(vms):
            raise InputError(f"expected {len(vms)} figures, one per VM", "ramps")
        if self.initial is not None and len(self.initial) != len(vms):
            raise InputError(f"expected {len(vms)} figures, one per VM", "initial")

    @classmethod
    def of(
        cls,
        capacity: Amount,
        lower: Sequence[Amount],
        profiles: Sequence[Sequence[Amount]],
        upper: Sequence[Amount | None] | None = None,
        *,
        ramps: Sequence[Amount | None] | None = None,
        initial: Sequence[Amount] | None = None,
        vms: Sequence[str] | None = None,
        resource: str = "resource",
        unit: str = "",
    ) -> Horizon:
        """Return the horizon that plain numbers state.

        Parameters
        ----------
        capacity : number
        lower : sequence of number, shape (VMs,)
        profiles : sequence of sequence of number, shape (VMs, periods)
            Demand; a profile of a single figure is that figure in every period.
        upper, ramps : sequence of (number or None), shape (VMs,), optional
        initial : sequence of number, shape (VMs,), optional

        Raises
        ------
        InputError
            If a figure is negative, not finite or out of order, or the lengths differ.
        """
        demands = broadcast([[amount(d, f"profiles[{vm}]") for d in profile] for vm, profile in enumerate(profiles)])
        steps = [None] * len(demands) if ramps is None else list(ramps)
        return cls(
            tuple(
                HostResource.of(capacity, lower, demand, upper, vms=vms, resource=resource, unit=unit)
                for demand in zip(*demands, strict=True)
            ),
            tuple(None if step is None else amount(step, f"ramps[{vm}]") for vm, step in enumerate(steps)),
            None if initial is None else tuple(amount(had, f"initial[{vm}]") for vm, had in enumerate(initial)),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The VMs' names."""
        return self.periods[0].vms

    @property
    def ramped(self) -> tuple[int, ...]:
        """The VMs whose allocation must not change at once."""
        return tuple(vm for vm, ramp in enumerate(self.ramps) if ramp is not None)

    @property
    def coupled(self) -> bool:
        """Whether a limit on change ties the periods together."""
        return bool(self.ramped) and (len(self.periods) > 1 or self.initial is not None)

    def window(self, first: int, last: int) -> Horizon:
        """Return the periods from first to last; the initial allocation counts if the first is 0."""
        return Horizon(self.periods[first : last + 1], self.ramps, self.initial if first == 0 else None)

    def with_ramps_of(self, vms: Sequence[int]) -> Horizon:
        """Return the same horizon with limits on change for these VMs only."""
        kept = set(vms)
        ramps = tuple(ramp if vm in kept else None for vm, ramp in enumerate(self.ramps))
        return Horizon(self.periods, ramps, self.initial)

    def worst_jump(self, allocation: Sequence[Sequence[Fraction]]) -> Fraction:
        """Return the largest change beyond a ramp limit, 0 if all are kept.

        Parameters
        ----------
        allocation : sequence of sequence of Fraction, shape (periods, VMs)
        """
        states = list(allocation) if self.initial is None else [self.initial, *allocation]
        limits = [(vm, ramp) for vm, ramp in enumerate(self.ramps) if ramp is not None]
        jumps = (abs(now[vm] - before[vm]) - ramp for before, now in pairwise(states) for vm, ramp in limits)
        return max(Fraction(0), max(jumps, default=Fraction(0)))


def broadcast(profiles: Sequence[Sequence[Fraction]]) -> list[tuple[Fraction, ...]]:
    """Return profiles of one length; one of a single figure is that figure in every period.

    Raises
    ------
    InputError
        If two of them have different lengths above 1, or one is empty.
    """
    most = max((len(profile) for profile in profiles), default=0)
    for vm, profile in enumerate(profiles):
        if len(profile) not in {1, most}:
            raise InputError(f"expected 1 or {most} periods, got {len(profile)}", f"profiles[{vm}]")
    return [tuple(profile) * (most if len(profile) == 1 else 1) for profile in profiles]


class DynamicAllocation:
    """The linear program of the best dynamic policy of one resource of one host.

    Variables are f(t) and g(t) for every period, of either sign. ``levels`` are maximised one
    after the other, each kept while the next is sought: utilisation summed over periods; the
    sum over periods of the period's smallest satisfaction; then ``-sum |f(t)|``.

    Parameters
    ----------
    horizon : Horizon
    """

    def __init__(self, horizon: Horizon) -> None:
        self.horizon = horizon
        self.problem = pulp.LpProblem("dynamic_allocation", pulp.LpMaximize)
        self.periods = [PolicyTerms(self.problem, case, f"_period_{t}") for t, case in enumerate(self.horizon.periods)]
        for terms in self.periods:
            terms.every_vm_gets_its_reservation_and_no_more_than_its_limit()
            terms.all_vms_fit_into_the_capacity()
            terms.no_vm_is_less_satisfied_than_the_smallest_satisfaction()
            terms.the_size_of_the_capacity_coefficient_is_measured()
        self.no_allocation_changes_faster_than_its_ramp_limit()
        self.levels = (
            Level("utilisation", _sum([terms.total() for terms in self.periods])),
            Level(
                "smallest satisfaction", pulp.LpAffineExpression({terms.satisfaction: 1.0 for terms in self.periods})
            ),
            Level("size of f", pulp.LpAffineExpression({terms.size: -1.0 for terms in self.periods})),
        )

    def no_allocation_changes_faster_than_its_ramp_limit(self) -> None:
        """Add ``-rho <= a(t) - a(t-1) <= rho`` for every kind of VM and pair of periods."""
        for vm, ramp in self._distinct_ramps():
            limit = float(ramp / self.periods[0].scale)
            shares = [terms.share(terms.case.demand[vm]) for terms in self.periods]
            if self.horizon.initial is not None:
                had = float(self.horizon.initial[vm] / self.periods[0].scale)
                self.problem.addConstraint(shares[0] <= had + limit, f"ramp_up_{vm}_period_0")
                self.problem.addConstraint(shares[0] >= had - limit, f"ramp_down_{vm}_period_0")
            for t, (before, now) in enumerate(pairwise(shares), start=1):
                self.problem.addConstraint(now - before <= limit, f"ramp_up_{vm}_period_{t}")
                self.problem.addConstraint(now - before >= -limit, f"ramp_down_{vm}_period_{t}")

    def _distinct_ramps(self) -> list[tuple[int, Fraction]]:
        """Return one VM of every kind with its ramp: equal demand at all times means equal allocation."""
        horizon = self.horizon
        kinds: dict[tuple[object, ...], tuple[int, Fraction]] = {}
        for vm, ramp in enumerate(horizon.ramps):
            if ramp is not None:
                had = None if horizon.initial is None else horizon.initial[vm]
                kinds.setdefault((ramp, had, *(period.demand[vm] for period in horizon.periods)), (vm, ramp))
        return list(kinds.values())

    def decode(self, values: Mapping[str, float]) -> list[tuple[float, float]]:
        """Return (f, g) of every period from a solution's values."""
        return [terms.decode(values) for terms in self.periods]


def _sum(expressions: Sequence[pulp.LpAffineExpression]) -> pulp.LpAffineExpression:
    """Add expressions that share no variable, in linear time."""
    return pulp.LpAffineExpression({variable: weight for one in expressions for variable, weight in one.items()})
