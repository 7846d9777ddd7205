"""How long migrations take to plan and to carry out: ``python -m benchmarks.migrating --help``.

VMs of public-cloud sizes run on hosts that take any of them while it fits, so that loads differ; what they are to
become is made by placewright's own engines:

- ``drain``: hosts are emptied with the least movement: as many as take a quarter of the free room.
- ``consolidate``: the emptiest hosts are emptied in the same way: as many as take 70 % of the free room, or
  where that leaves no room for the largest VMs a smaller part, down to 10 %.
- ``rebalance``: the VMs of the fullest third of the hosts are placed anew, by worst fit; the others stay.
- ``level``: every VM is placed anew by worst fit, wherever it was: nearly all move.
- ``pack``: every VM is placed anew by best fit: nearly all move, and the hosts that stay are nearly full at the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import click
import numpy as np

from formulations import VM, Host, Instance, Placement, Resource
from formulations.candidates import Candidates
from formulations.rules import Pin
from formulations.scheduling.migration import MigrationPlan, MigrationQuestion
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.greedy import Fit, Variant, place_greedily
from solver.rebalancing import drain
from solver.scheduling.migration.planning import plan_migration
from solver.verifying import RuleJudge

VMS, HOSTS = 2000, 200
UTILISATIONS = (0.6, 0.75, 0.9)
MAKING = 60.0
"""Seconds that the least movement may take to be found."""

CONSOLIDATED = (0.7, 0.55, 0.4, 0.25, 0.1)
"""Parts of the free room that the hosts to be emptied may take, the largest for which there is a target."""

GIGABYTES = (2, 4, 8, 16, 32)
POPULARITY = (0.2, 0.3, 0.25, 0.15, 0.1)
BANDWIDTH = 2.5
"""GB per second: a network of 25 Gbit/s, of which migrations get four fifths."""


def instance_of(vms: int, hosts: int, utilisation: float, seed: int) -> Instance:
    """Return VMs on hosts that are as full as asked for on average."""
    rng = np.random.default_rng(seed)
    memory = rng.choice(GIGABYTES, size=vms, p=POPULARITY)
    cores = np.maximum(1, memory * rng.choice([0.25, 0.5, 1.0], size=vms)).astype(np.int64)
    sizes = np.stack([cores, memory], axis=1).astype(np.int64)
    room = np.ceil(sizes.sum(axis=0) / utilisation / hosts).astype(np.int64)
    host_of = anywhere(sizes, room, hosts, rng)
    dirty = (memory * rng.uniform(0, 0.02, size=vms)).round(3)
    return Instance(
        name=f"{vms} VMs on {hosts} hosts, {utilisation:.0%} full",
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")],
        vms=[
            VM(
                name=f"vm-{n}",
                resources={"cpu": int(size[0]), "memory": int(size[1])},
                dirty_rate=float(dirty[n]),
                host=f"host-{host_of[n]}",
            )
            for n, size in enumerate(sizes)
        ],
        hosts=[
            Host(
                name=f"host-{n}",
                capacity={"cpu": int(room[0]), "memory": int(room[1])},
                migration_bandwidth=BANDWIDTH,
            )
            for n in range(hosts)
        ],
    )


def anywhere(sizes: Integers, room: Integers, hosts: int, rng: np.random.Generator) -> Integers:
    """Return a random host that fits for every VM, the largest first."""
    load = np.zeros((hosts, sizes.shape[1]), dtype=np.int64)
    host_of: Integers = np.full(len(sizes), -1, dtype=np.int64)
    for vm in np.lexsort((rng.random(len(sizes)), -(sizes / room).max(axis=1))).tolist():
        fitting = np.flatnonzero((load + sizes[vm] <= room).all(axis=1))
        host_of[vm] = rng.choice(fitting)
        load[host_of[vm]] += sizes[vm]
    return host_of


# -- targets -----------------------------------------------------------------------------------


def drained(instance: Instance, seed: int) -> Placement | None:
    """Return a placement without some random hosts."""
    count = max(1, int(instance.host_count * free_share(instance) / 4))
    return without(instance, np.random.default_rng(seed).choice(instance.host_count, count, replace=False))


def consolidated(instance: Instance, _seed: int) -> Placement | None:
    """Return a placement without the emptiest hosts."""
    load = loads(instance)
    order = np.argsort(load, kind="stable")
    room = instance.tables.capacity[:, 1][order]
    free = room.sum() - load.sum()
    for share in CONSOLIDATED:
        count = max(1, int((np.cumsum(room) <= share * free).sum()))
        if (target := without(instance, order[:count])) is not None:
            return target
    return None


def rebalanced(instance: Instance, _seed: int) -> Placement | None:
    """Return a placement in which only VMs of the fullest third of the hosts have moved."""
    full = np.argsort(-loads(instance), kind="stable")[: instance.host_count // 3]
    staying = [vm.name for vm, host in zip(instance.vms, instance.current.tolist(), strict=True) if host not in full]
    return greedily(instance.replace(rules=[Pin(vms=staying)]), "worst")


def levelled(instance: Instance, _seed: int) -> Placement | None:
    """Return a placement that is as even as worst fit makes it."""
    return greedily(instance, "worst")


def packed(instance: Instance, _seed: int) -> Placement | None:
    """Return a placement on as few hosts as best fit needs."""
    return greedily(instance, "best")


def without(instance: Instance, hosts: Integers) -> Placement | None:
    """Return a placement that empties hosts with the least movement."""
    names = instance.host_names.names_of(np.sort(hosts))
    return drain(instance, names, price="moves", seconds=MAKING).result.placement


def greedily(instance: Instance, fit: Fit) -> Placement | None:
    """Return a greedy placement, None where some VM fits nowhere."""
    judges = [RuleJudge(instance, rule) for rule in instance.rules]
    placement = place_greedily(instance, Variant(fit), Candidates(instance), judges, Deadline())
    return Placement(placement.host_of) if bool(placement.placed.all()) else None


def loads(instance: Instance) -> Integers:
    """Return the memory taken on every host."""
    sums = np.bincount(instance.current, weights=instance.tables.lower[:, 1], minlength=instance.host_count)
    return sums.astype(np.int64)


def free_share(instance: Instance) -> float:
    """Return which part of all memory is free."""
    return 1 - float(instance.tables.lower[:, 1].sum() / instance.tables.capacity[:, 1].sum())


FAMILIES: dict[str, Callable[[Instance, int], Placement | None]] = {
    "drain": drained,
    "consolidate": consolidated,
    "rebalance": rebalanced,
    "level": levelled,
    "pack": packed,
}


def question_of(family: str, utilisation: float, seed: int, vms: int = VMS, hosts: int = HOSTS) -> MigrationQuestion:
    """Return a generated question.

    Raises
    ------
    LookupError
        If the engine found no target.
    """
    instance = instance_of(vms, hosts, utilisation, seed)
    target = FAMILIES[family](instance, seed)
    if target is None:
        raise LookupError(f"no target was found for {family} of {instance.name}")
    return MigrationQuestion.towards(instance, target)


# -- measuring ---------------------------------------------------------------------------------


def row(family: str, utilisation: float, seed: int, plan: MigrationPlan, seconds: float) -> str:
    """Return a line of the table."""
    head = f"| {family} | {utilisation:.0%} | {seed} | {len(plan.question.changing):,} | {plan.status}"
    if plan.makespan is None or plan.gap is None:
        return f"{head} | | | | | {seconds:.1f} |"
    figures = f"{plan.makespan / 1000:.1f} | {plan.bound / 1000:.1f} | {plan.gap:.1%} | {plan.bypasses}"
    return f"{head} | {figures} | {seconds:.1f} |"


@click.command()
@click.option("--family", "families", multiple=True, type=click.Choice(list(FAMILIES)), help="By default all.")
@click.option("--utilisation", "utilisations", multiple=True, type=float, help="By default 0.6, 0.75 and 0.9.")
@click.option("--seeds", type=int, default=3, show_default=True, help="How many questions of each.")
@click.option("--seconds", type=float, default=10.0, show_default=True, help="For every plan.")
@click.option(
    "--cpu", is_flag=True, help="Count the seconds that the processor spends on planning, not those that pass."
)
@click.option("--vms", type=int, default=VMS, show_default=True)
@click.option("--hosts", type=int, default=HOSTS, show_default=True)
def main(
    families: Sequence[str],
    utilisations: Sequence[float],
    *,
    seeds: int,
    seconds: float,
    cpu: bool,
    vms: int,
    hosts: int,
) -> None:
    """Print a line per plan: what moves, how long it takes, what is proved, and how long planning took."""
    plan_migration(question_of("drain", 0.6, 0, 200, 40), seconds=60)  # loads the compiled loop
    sys.stdout.write(
        "| question | full | seed | moves | status | makespan s | bound s | gap | bypasses | planned in s |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|---|\n")
    for family in families or FAMILIES:
        for utilisation in utilisations or UTILISATIONS:
            for seed in range(seeds):
                try:
                    question = question_of(family, utilisation, seed, vms, hosts)
                except LookupError as error:
                    sys.stdout.write(f"| {family} | {utilisation:.0%} | {seed} | {error} |\n")
                    continue
                clock = time.process_time if cpu else time.monotonic
                began = clock()
                plan = plan_migration(question, seconds=seconds, seed=seed, clock=clock)
                sys.stdout.write(f"{row(family, utilisation, seed, plan, clock() - began)}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
