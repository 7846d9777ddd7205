"""Machine reassignment: the instances of the 2012 ROADEF/EURO challenge that were published with its results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from benchmarks.families.base import Case, Family, register
from benchmarks.families.published import absence, folder_of, rows_of
from benchmarks.protocol import Known
from formulations.instance import Instance
from formulations.restating import instance_of
from solver.inventories.machine_reassignment import read_machine_reassignment

FOLDER = "reassignment"


def question(name: str) -> Instance:
    """Return an instance of the challenge, with its placement at first as the current one."""
    folder = folder_of(FOLDER)
    return instance_of(read_machine_reassignment(folder / f"model_{name}.txt", folder / f"assignment_{name}.txt"))


def reassignment_cases(_seeds: Sequence[int] = ()) -> Iterator[Case]:
    """Yield the thirteen instances, with the best of all teams within 300 s and the best lower bound known."""
    for row in rows_of(folder_of(FOLDER) / "best_known.csv"):
        yield Case(
            family="reassignment",
            name=row["instance"],
            build=partial(question, row["instance"]),
            group=row["instance"][0],
            facts={"n": int(row["processes"]), "hosts": int(row["machines"]), "resources": int(row["resources"])},
            known=Known(
                value=float(row["challenge_best_2012"]),
                bound=float(row["best_lb_known_here"]),
                optimum=row["best_lb_known_here"] == row["challenge_best_2012"],
                source="best of 27 finalists, ROADEF/EURO challenge 2012",
            ),
        )


register(
    Family(
        name="reassignment",
        what="up to 20,000 running processes on up to 100 machines, to be placed anew at the least weighted cost",
        source="ROADEF/EURO challenge 2012, Afsar et al., Annals of Operations Research 242, 2016",
        cases=reassignment_cases,
        by=("instance",),
        absent=partial(absence, FOLDER),
    )
)
