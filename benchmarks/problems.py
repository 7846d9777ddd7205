"""Problem files: every case written once, in the two forms that subjects read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.families.base import Case
from benchmarks.families.questions import instance_of, packing_of
from benchmarks.protocol import Asks, Known, PackingFile
from formulations.instance import Instance
from formulations.vector_packing import VectorPacking
from solver.inventories import write_instance


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A case as files, with what a record says about it.

    Parameters
    ----------
    family, group, name : str
    n, resources, flavours, types : int
        VMs, resources, distinct VMs and types of hosts as the case states them.
    instance : str
        Path of the instance file.
    packing : str, optional
        Path of the packing file; None where the case is no vector packing.
    whole : bool
        Whether the objective can only take whole values.
    known : Known
    """

    family: str
    group: str
    name: str
    n: int
    resources: int
    flavours: int
    types: int
    instance: str
    packing: str | None
    whole: bool
    known: Known

    def path(self, asks: Asks) -> Path | None:
        """Return the file for a kind of subject, or None."""
        if asks == "instance":
            return Path(self.instance)
        return None if self.packing is None else Path(self.packing)


def write_problem(case: Case, folder: Path) -> Problem:
    """Build a case and write its files into a folder."""
    question = case.build()
    stem = f"{case.family}-{case.name}".replace("/", "-")
    instance_path, packing_path = folder / f"{stem}.json", folder / f"{stem}.packing.json"
    instance = question if isinstance(question, Instance) else instance_of(question, case.title)
    packing = question if isinstance(question, VectorPacking) else packing_of(question)
    write_instance(instance, instance_path)
    if packing is not None:
        PackingFile.of(packing, case.title).write(packing_path)
    return Problem(
        family=case.family,
        group=case.group,
        name=case.name,
        n=instance.vm_count,
        resources=len(instance.resources),
        flavours=len(instance.vms),
        types=len(instance.hosts),
        instance=str(instance_path.resolve()),
        packing=None if packing is None else str(packing_path.resolve()),
        whole=packing is not None,
        known=case.known,
    )
