"""Published instances, read from the folder that ``PLACEWRIGHT_DATA`` names."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

from benchmarks.families.base import Case, Family, register
from benchmarks.families.negative_sizes import read_shuffled
from benchmarks.protocol import Known
from formulations.errors import InputError
from solver.inventories import read_instance

VARIABLE = "PLACEWRIGHT_DATA"

CLOUD_BALANCING = {
    "100computers-300processes": (112_400, 96_670),
    "200computers-600processes": (196_350, 169_230),
    "800computers-2400processes": (915_260, 747_420),
}
"""Best cost of OptaPlanner's report of 2013-08-19 (runs of about 5 minutes), and our covering bound."""


def folder_of(relative: str) -> Path:
    """Return where a published set lies.

    Raises
    ------
    InputError
        If it is not there.
    """
    if (reason := absence(relative)) is not None:
        raise InputError(reason)
    return Path(os.environ[VARIABLE]) / relative


def absence(relative: str) -> str | None:
    """Return why a published set is not there, or None."""
    if not os.environ.get(VARIABLE):
        return f"the environment variable {VARIABLE} names no folder"
    return None if (Path(os.environ[VARIABLE]) / relative).is_dir() else f"{VARIABLE} has no folder {relative}"


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table of published results."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def caprara_toth_cases(_seeds: Sequence[int] = ()) -> Iterator[Case]:
    """Yield the 120 files, with optima from Brandão's thesis and bounds from the arc-flow relaxation."""
    folder = folder_of("vector_packing/caprara_toth")
    for row in rows_of(folder / "best_known.csv"):
        _, kind, size, _ = row["instance"].split("_")
        bound = -(-Fraction(row["arcflow_lp_bound"]) // 1) if row["arcflow_lp_bound"] else None
        value = float(row["optimum"]) if row["optimum"] else None
        yield Case(
            family="caprara_toth",
            name=row["instance"],
            build=partial(read_instance, folder / f"{row['instance']}.vbp"),
            group=f"class {kind}",
            facts={"n": int(size), "class": int(kind), "resources": 2},
            known=Known(
                value=value,
                bound=value if value is not None else bound,
                optimum=value is not None,
                source="Brandão 2012",
            ),
        )


def mommessin_cases(_seeds: Sequence[int] = ()) -> Iterator[Case]:
    """Yield the 588 files, each with the best of about 350 heuristics and a lower bound."""
    folder = folder_of("vector_packing/mommessin")
    for row in rows_of(folder / "best_known.csv"):
        found = re.fullmatch(r"class(\w+?)_(\d+)_(\d+)_(\d+)", row["instance"])
        if found is None:
            raise InputError(f"no instance is called {row['instance']!r}", file="best_known.csv")
        yield Case(
            family="mommessin",
            name=f"{row['set']}-{row['instance']}",
            build=partial(read_shuffled, folder / row["set"] / f"{row['instance']}.vbp"),
            group=row["set"],
            facts={"n": int(found[2]), "resources": int(found[3])},
            known=_mommessin_known(row),
        )


def _mommessin_known(row: dict[str, str]) -> Known:
    """Return the heuristics' best as the value to beat, and the optimum, where known, as the bound."""
    best, bound = float(row["best_heuristic"]), float(row["optimum"] or row["lower_bound"])
    return Known(value=best, bound=bound, optimum=best == bound, source="best of 350 heuristics, Mommessin et al.")


def cloud_balancing_cases(_seeds: Sequence[int] = ()) -> Iterator[Case]:
    """Yield the three large files; the best published values come from runs of about five minutes."""
    folder = folder_of("cloud_balancing")
    for name, (value, bound) in CLOUD_BALANCING.items():
        hosts, vms = (int(number) for number in re.findall(r"\d+", name))
        yield Case(
            family="cloud_balancing",
            name=name,
            build=partial(read_instance, folder / f"{name}.json"),
            facts={"n": vms, "resources": 3, "types": hosts},
            known=Known(value=value, bound=bound, source="OptaPlanner report of 2013-08-19"),
        )


_SETS: dict[str, tuple[str, Callable[[Sequence[int]], Iterator[Case]], str, str, tuple[str, ...]]] = {
    "caprara_toth": (
        "vector_packing/caprara_toth",
        caprara_toth_cases,
        "two-resource vector packing in ten classes, fewest bins",
        "Caprara and Toth, Discrete Applied Mathematics 111, 2001, doi:10.1016/S0166-218X(00)00267-5",
        ("n",),
    ),
    "mommessin": (
        "vector_packing/mommessin",
        mommessin_cases,
        "vector packing in 3, 5 and 10 resources with the results of 350 heuristics, fewest bins",
        "Mommessin, Erlebach and Shakhlevich, Computers & Operations Research",
        ("group", "resources", "n"),
    ),
    "cloud_balancing": (
        "cloud_balancing",
        cloud_balancing_cases,
        "processes on unique computers in three resources, least cost",
        "OptaPlanner and Timefold, Apache-2.0",
        ("instance",),
    ),
}

for _name, (_place, _cases, _what, _source, _by) in _SETS.items():
    register(Family(name=_name, what=_what, source=_source, cases=_cases, by=_by, absent=partial(absence, _place)))
