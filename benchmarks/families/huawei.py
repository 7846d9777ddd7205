"""Huawei's topology data: two sequences of VMs on two-NUMA servers in racks, alone and together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from benchmarks.families.base import Case, Family, register
from benchmarks.families.published import absence, folder_of
from formulations.instance import Instance
from formulations.objective import ObjectiveLevel, Term
from solver.inventories.huawei_topology import read_huawei_topology

FOLDER = "huawei_topology"
SEQUENCES = (("C1",), ("C2",), ("C1", "C2"))
VMS = 4998
"""In each sequence."""


def question(sequences: Sequence[str]) -> Instance:
    """Return fewest servers for one sequence; for several, which do not fit, most VMs and then most memory."""
    instance = read_huawei_topology(folder_of(FOLDER), sequences)
    if len(sequences) == 1:
        return instance
    terms = [Term(kind="unplaced"), Term(kind="unplaced", resource="memory")]
    return instance.replace(allow_unplaced=True, objective=[ObjectiveLevel(terms=[term]) for term in terms])


def huawei_cases(_seeds: Sequence[int] = ()) -> Iterator[Case]:
    """Yield each sequence, and both together."""
    for sequences in SEQUENCES:
        yield Case(
            family="huawei",
            name="-".join(sequences),
            build=partial(question, sequences),
            facts={"n": VMS * len(sequences), "resources": 2},
        )


register(
    Family(
        name="huawei",
        what="VMs with NUMA, affinity, anti-affinity and fault domains on 1,710 servers, fewest servers or most VMs",
        source="Huawei's topology-aware placement data, CC0",
        cases=huawei_cases,
        by=("instance",),
        absent=partial(absence, FOLDER),
    )
)
