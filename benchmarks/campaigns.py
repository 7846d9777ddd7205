"""The named campaigns: one for every claim that the documentation makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.comparing.reassignment import reassignment_table
from benchmarks.families import (
    SEEDS,
    Case,
    cloud,
    distinct,
    four_types,
    hard,
    huawei,
    present,
    published,
    reassignment,
    small,
)
from benchmarks.families.published import absence
from benchmarks.peers.catalogue import PEERS
from benchmarks.protocol import Record
from formulations.errors import InputError

RIVALS = ("placewright", *PEERS)


@dataclass(frozen=True)
class NamedCampaign:
    """A campaign that the command line knows.

    Attributes
    ----------
    name, what : str
    cases : callable
        Takes the seeds of generated instances.
    seconds : float
        For every run, unless another limit is asked for.
    subjects : sequence of str
        Unless others are asked for; `RIVALS` stands for placewright and every peer that is present.
    seeds : sequence of int
        Of generated instances.
    repeats : int
        Runs with different seeds of the subject.
    by : sequence of str
        How its table is divided.
    needs : str
        The published set without which there is nothing to run.
    table : callable, optional
        Makes its table from records, where the usual one says too little.
    """

    name: str
    what: str
    cases: Callable[[Sequence[int]], Iterable[Case]]
    seconds: float
    subjects: Sequence[str] = ("placewright",)
    seeds: Sequence[int] = SEEDS
    repeats: int = 1
    by: Sequence[str] = ("family", "n")
    needs: str = ""
    table: Callable[[Sequence[Record]], str] | None = None

    def listed(self, seeds: Sequence[int] | None = None) -> list[Case]:
        """Return its cases.

        Raises
        ------
        InputError
            If the published set that it needs is not there.
        """
        if self.needs and (reason := absence(self.needs)) is not None:
            raise InputError(f"campaign {self.name}: {reason}")
        return list(self.cases(self.seeds if seeds is None else seeds))


def _cloud(seeds: Sequence[int]) -> Iterable[Case]:
    return (cloud.cloud_case(n, 30, d, s) for d in (2, 3) for n in cloud.SIZES for s in seeds)


def _flavours(seeds: Sequence[int]) -> Iterable[Case]:
    return (cloud.cloud_case(10_000, f, d, s) for d in (2, 3) for f in cloud.FLAVOURS for s in seeds)


def _million(seeds: Sequence[int]) -> Iterable[Case]:
    return (cloud.cloud_case(1_000_000, 30, d, s) for d in (2, 3) for s in seeds)


def _distinct(seeds: Sequence[int]) -> Iterable[Case]:
    return (distinct.distinct_case(500, d, s) for d in (2, 4) for s in seeds)


def _against_peers(seeds: Sequence[int]) -> Iterable[Case]:
    """Yield some instances of every family that peers can read, from easy to large."""
    for seed in seeds:
        for d in (2, 3):
            yield from (cloud.cloud_case(n, 30, d, seed) for n in (100, 300, 1_000))
            yield from (four_types.four_types_case(n, d, seed, limited=False) for n in (100, 300, 1_000))
            yield four_types.four_types_case(300, d, seed, limited=True)
        yield from (distinct.distinct_case(n, d, seed) for d in (2, 4) for n in (100, 500))
    picked = [f"CL_{kind}_{n}_1" for kind in range(1, 10) for n in (50, 100, 200)]
    yield from (case for case in present(["caprara_toth"]) if case.name in picked)
    yield from (case for case in present(["mommessin"]) if case.facts["n"] in (120, 249) and case.name.endswith("_5_1"))
    yield from present(["cloud_balancing"])


def _large_against_peers(seeds: Sequence[int]) -> Iterable[Case]:
    """Yield 10,000 VMs of few and of many flavours, and published instances of 500 items."""
    for seed in seeds:
        yield from (cloud.cloud_case(10_000, flavours, d, seed) for flavours in (30, 120) for d in (2, 3))
    sets = ("New-class1_500", "New-class4_500", "Panigrahy-class1_500", "Panigrahy-class4_500", "Triplet-classF_501")
    yield from (case for case in present(["mommessin"]) if case.name in [f"{name}_5_1" for name in sets])


_TABLE = (
    NamedCampaign(
        "cloud",
        "cloud flavours on one host type, 100 to a million VMs",
        _cloud,
        60,
        by=("resources", "n"),
    ),
    NamedCampaign(
        "flavours",
        "10,000 VMs of 30 to 500 flavours",
        _flavours,
        30,
        by=("resources", "flavours"),
    ),
    NamedCampaign(
        "million",
        "a million VMs from the file to a file with the host of every name",
        _million,
        60,
        subjects=("command-line",),
        by=("resources", "n"),
    ),
    NamedCampaign(
        "four_types",
        "four host types with costs",
        four_types.four_types_cases,
        60,
        by=("group", "resources", "n"),
    ),
    NamedCampaign(
        "caprara_toth",
        "120 published instances in two resources",
        published.caprara_toth_cases,
        60,
        by=("n",),
        needs="vector_packing/caprara_toth",
    ),
    NamedCampaign(
        "mommessin",
        "588 published instances against the best of 350 heuristics",
        published.mommessin_cases,
        60,
        by=("group", "n"),
        needs="vector_packing/mommessin",
    ),
    NamedCampaign(
        "cloud_balancing",
        "unique computers, least cost, against published results",
        published.cloud_balancing_cases,
        60,
        repeats=5,
        by=("instance",),
        needs="cloud_balancing",
    ),
    NamedCampaign(
        "huawei",
        "two-NUMA servers, thousands of VMs under affinity, anti-affinity and fault domains, against best fit",
        huawei.huawei_cases,
        60,
        subjects=("placewright", "best-fit"),
        repeats=3,
        by=("instance",),
        needs="huawei_topology",
    ),
    NamedCampaign(
        "reassignment",
        "machine reassignment of the 2012 ROADEF/EURO challenge by local search, against the best of its 27 finalists",
        reassignment.reassignment_cases,
        60,
        subjects=("local-search",),
        repeats=3,
        by=("instance",),
        needs="reassignment",
        table=reassignment_table,
    ),
    NamedCampaign(
        "distinct",
        "500 VMs on 60 hosts, no two alike",
        _distinct,
        30,
        seeds=distinct.SEEDS,
        by=("resources", "n"),
    ),
    NamedCampaign(
        "small",
        "500 small instances with every oddity, on which all subjects must agree",
        small.small_cases,
        10,
        subjects=("placewright", "columns", "arc-flow"),
        seeds=small.SEEDS,
        by=("types",),
    ),
    NamedCampaign(
        "peers",
        "placewright and other solvers on the same instances",
        _against_peers,
        60,
        subjects=RIVALS,
        seeds=(0, 1),
        by=("family", "resources", "n"),
    ),
    NamedCampaign(
        "peers_large",
        "placewright and other solvers on 10,000 VMs and on 500 published items",
        _large_against_peers,
        20,
        subjects=RIVALS,
        seeds=(0,),
        by=("family", "resources", "group"),
    ),
    NamedCampaign(
        "deadlines",
        "whether the limit is kept where nothing can be finished",
        hard.hard_cases,
        20,
        by=("group",),
    ),
)

CAMPAIGNS = {campaign.name: campaign for campaign in _TABLE}


def campaign_named(name: str) -> NamedCampaign:
    """Return the campaign of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in CAMPAIGNS:
        raise InputError(f"no campaign is called {name!r}; expected one of {', '.join(CAMPAIGNS)}")
    return CAMPAIGNS[name]
