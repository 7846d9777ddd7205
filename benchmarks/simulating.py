"""How fast simulations run: ``python -m benchmarks.simulating [EVENTS]`` times every policy on one busy host."""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from formulations import VM, Bounds, Host, Instance, Placement, Resource
from formulations.scheduling.workload import Workload
from solver.scheduling.dynamic import (
    POLICIES,
    Kind,
    Machine,
    Policy,
    Priority,
    generated,
    machines_of,
    simulate,
    summary,
)

CORES = 64

VMS = 120

MEAN_BURST = 0.02

LOAD = 0.9


def busy_host() -> tuple[Instance, tuple[Machine, ...]]:
    """Return one host of `CORES` cores with `VMS` VMs of three sizes, some of them limited."""
    sizes = [
        VM(name="small", count=VMS // 2, vcpus=1, resources={"cpu": Bounds(demand=0.5, limit=1)}),
        VM(name="medium", count=VMS // 3, vcpus=2, priority=1, resources={"cpu": Bounds(demand=1, shares=2)}),
        VM(name="large", count=VMS // 6, vcpus=8, priority=2, resources={"cpu": Bounds(demand=2, limit=6, shares=4)}),
    ]
    host = Host(name="host", cores=CORES, capacity={"cpu": CORES}, overcommit={"cpu": 4})
    instance = Instance(resources=[Resource(name="cpu", unit="cores")], vms=sizes, hosts=[host])
    placement = Placement(np.zeros(instance.vm_count, dtype=np.int64))
    return instance, machines_of(instance, placement)


def work_for(events: int, kind: Kind = "poisson") -> tuple[tuple[Machine, ...], Workload]:
    """Return work that makes at least so many events: every job arrives once and ends once."""
    instance, machines = busy_host()
    seconds = events / 2 * 1.02 * MEAN_BURST / (LOAD * CORES)
    return machines, generated(instance, machines, kind, load=LOAD, seconds=seconds, mean_burst=MEAN_BURST)


def measured(machines: tuple[Machine, ...], work: Workload, policy: Policy) -> tuple[int, float, float]:
    """Return events, seconds on the clock, and seconds of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    simulation = simulate(machines, work, policy)
    return int(simulation.events.sum()), time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    """Print a line per policy, after each has run once on little work: compiling is not counted."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    policies = (*POLICIES, Priority(ageing=100_000))
    for policy in policies:
        simulate(*work_for(2_000), policy)
    machines, work = work_for(events)
    sys.stdout.write(f"{len(work):,} jobs of {VMS} VMs on {CORES} cores\n")
    for policy in policies:
        many, seconds, processor = measured(machines, work, policy)
        speed = many / processor / 1e6
        sys.stdout.write(
            f"{policy.name:24} {many:12,} events in {seconds:6.2f} s, "
            f"of the processor {processor:6.2f} s: {speed:5.2f} million/s\n"
        )
    began = time.perf_counter()
    summary(simulate(machines, work, policies[0]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"with all figures {time.perf_counter() - began:.2f} s; peak memory {peak:.0f} MB\n")


if __name__ == "__main__":
    main()
