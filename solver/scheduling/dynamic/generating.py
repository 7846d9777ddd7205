"""Generated work: jobs that come at random, as heavy as a target utilisation asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.scheduling.workload import MOST_JOBS, SECOND, Workload, own_priorities
from formulations.tables import Integers
from solver.scheduling.dynamic.machines import Machine

Floats = NDArray[np.float64]

Kind = Literal["poisson", "pareto", "bursty"]

KINDS: tuple[Kind, ...] = get_args(Kind)

TAIL = 1.5
"""Exponent of Pareto sizes: a finite mean, no finite variance."""

MEAN_BURST = 0.02
"""Seconds of core time that a job needs on average."""

ON, OFF = 1.0, 4.0
"""Mean seconds for which a bursty VM brings work, and brings none."""

CYCLES = 10
"""In a short time VMs are switched on and off faster, so often on average."""


def generated(
    instance: Instance,
    machines: Sequence[Machine],
    kind: Kind,
    *,
    load: float = 0.8,
    seconds: float = 60.0,
    seed: int = 0,
    mean_burst: float = MEAN_BURST,
) -> Workload:
    """Return random jobs for the VMs of every machine.

    On every machine the work together is ``load`` times what the VMs can use of its cores in so
    many seconds (all cores, or fewer where vCPUs and limits do not reach that far). It is divided
    in proportion to the VMs' expected demand of cpu, as far as no VM gets more than ``load`` times
    what it can use itself. Jobs have the priorities of their VMs.

    Parameters
    ----------
    instance : Instance
        For demands and priorities.
    machines : sequence of Machine
    kind : {"poisson", "pareto", "bursty"}
        Poisson arrivals with exponential sizes; Poisson arrivals with Pareto sizes (tail exponent
        ``TAIL``): few jobs make most of the work; arrivals only while a VM is on, for ``ON`` seconds
        on average after ``OFF`` seconds of silence (shorter where ``CYCLES`` of them would not fit),
        with exponential sizes: an interrupted Poisson process.
    load : float
        Above 0, at most 2.
    seconds : float
        How long jobs arrive.
    seed : int
        The same seed gives the same jobs on the same version of numpy.
    mean_burst : float
        Seconds of core time that a job needs on average.

    Raises
    ------
    InputError
        If a figure is out of range, there are no machines, or there would be more than ``MOST_JOBS`` jobs.
    """
    if not machines:
        raise InputError("no VM has a host, so that nobody brings work")
    recipe = _Recipe(kind, load, seconds, mean_burst)
    rng = np.random.default_rng(seed)
    parts = [recipe.jobs(rng, machine, _demands(instance, machine)) for machine in machines]
    if sum(len(part[0]) for part in parts) > MOST_JOBS:
        raise InputError(f"more than {MOST_JOBS:,} jobs; expected fewer seconds or longer bursts")
    arrival, vm, work = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(arrival, kind="stable")
    return Workload(arrival[order], vm[order], work[order], own_priorities(instance, vm[order]))


@dataclass(frozen=True)
class _Recipe:
    """What kind of work is wanted, and how much."""

    kind: Kind
    load: float
    seconds: float
    mean_burst: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"expected one of {', '.join(KINDS)}, got {self.kind!r}", "kind")
        if not 0 < self.load <= 2:
            raise InputError(f"must be above 0 and at most 2, got {self.load}", "load")
        if not 0 < self.seconds <= 10**7:
            raise InputError(f"must be above 0 and at most 10,000,000, got {self.seconds}", "seconds")
        if not 1e-5 <= self.mean_burst <= 10**5:
            raise InputError(f"must lie in 0.00001 … 100,000, got {self.mean_burst}", "mean_burst")

    def jobs(self, rng: np.random.Generator, machine: Machine, demand: Floats) -> tuple[Integers, Integers, Integers]:
        """Return arrivals, VMs and work of one machine's jobs."""
        rates = core_rates(machine, self.load, demand)
        expected = rates * self.seconds / self.mean_burst
        if expected.sum() > MOST_JOBS:
            raise InputError(
                f"more than {MOST_JOBS:,} jobs on {machine.label}; expected fewer seconds or longer bursts"
            )
        times, owner = (_in_bursts if self.kind == "bursty" else _at_random)(rng, expected, self.seconds)
        pareto = self.kind == "pareto"
        sizes = rng.pareto(TAIL, len(times)) + 1 if pareto else rng.exponential(1.0, len(times))
        arrival: Integers = np.floor(times * SECOND).astype(np.int64)
        return arrival, machine.vms[owner], _scaled(sizes, float(rates.sum()) * self.seconds)


def _demands(instance: Instance, machine: Machine) -> Floats:
    """Return the expected demands of cpu of a machine's VMs, in any unit: shape (VMs,)."""
    cpu = instance.tables.cpu
    if cpu is None:
        raise InputError("no resource has the role cpu", "resources")
    demand: Floats = instance.tables.demand[instance.vm_entry[machine.vms], cpu].astype(np.float64)
    return demand


def core_rates(machine: Machine, load: float, demand: Floats) -> Floats:
    """Return how many cores' worth of work each VM brings: shape (VMs,).

    Parameters
    ----------
    machine : Machine
    load : float
    demand : float64 array, shape (VMs,)
        In whose proportion work is divided.
    """
    most = machine.usable / SECOND * load
    target = min(machine.cores * load, float(most.sum()))
    weight = np.where(demand > 0, demand, 0.0) if demand.any() else np.ones_like(most)
    rates = np.zeros_like(most)
    open_ = (weight > 0) & (most > 0)
    while open_.any():
        part = weight * (target - rates.sum()) / weight[open_].sum()
        full = open_ & (part >= most)
        if not full.any():
            rates[open_] = part[open_]
            break
        rates[full] = most[full]
        open_ &= ~full
    return rates


def _at_random(rng: np.random.Generator, expected: Floats, seconds: float) -> tuple[Floats, Integers]:
    """Return times and owners of jobs that come one by one, whenever."""
    many = rng.poisson(expected)
    owner = np.repeat(np.arange(len(expected)), many)
    return rng.uniform(0.0, seconds, len(owner)), owner


def _in_bursts(rng: np.random.Generator, expected: Floats, seconds: float) -> tuple[Floats, Integers]:
    """Return times and owners of jobs that come only while their VM is on."""
    times: list[Floats] = []
    owners: list[Integers] = []
    for vm, mean in enumerate(expected.tolist()):
        begin, end = _on_times(rng, seconds)
        length = np.cumsum(end - begin)
        many = rng.poisson(mean) if len(length) else 0
        along = rng.uniform(0.0, length[-1], many) if many else np.zeros(0)
        burst = np.searchsorted(length, along, side="right")
        times.append(np.minimum(end[burst] - (length[burst] - along), seconds))
        owners.append(np.full(many, vm, dtype=np.int64))
    return np.concatenate(times), np.concatenate(owners)


def _on_times(rng: np.random.Generator, seconds: float) -> tuple[Floats, Floats]:
    """Return when a VM is switched on and off, from a moment in the middle of its life."""
    cycle = min(ON + OFF, seconds / CYCLES)
    many = int(2 * seconds / cycle) + 20
    lengths = rng.exponential(cycle / (ON + OFF), 2 * many) * np.tile((ON, OFF), many)
    begins_on = rng.random() < ON / (ON + OFF)
    edges = np.concatenate(([0.0], np.cumsum(lengths if begins_on else np.roll(lengths, 1))))
    begin = edges[0::2] if begins_on else edges[1::2]
    end = edges[1::2] if begins_on else edges[2::2]
    pairs = min(len(begin), len(end))
    begin, end = begin[:pairs], np.minimum(end[:pairs], seconds)
    inside = begin < end
    return begin[inside], end[inside]


def _scaled(sizes: Floats, total: float) -> Integers:
    """Return sizes in µs, at least 1 each, that add up to about ``total`` seconds."""
    if not len(sizes):
        return np.zeros(0, dtype=np.int64)
    scaled: Integers = np.maximum(1, np.rint(sizes * (total * SECOND / sizes.sum()))).astype(np.int64)
    return scaled
