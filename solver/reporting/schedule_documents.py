"""Start-up orders and dispatch tables for programs: names instead of numbers, whole milli- and microseconds."""

from __future__ import annotations

from typing import Any

import numpy as np

from formulations.instance import Instance
from formulations.quantities import json_number
from formulations.scheduling.dispatch import DispatchTable
from solver.reporting.documents import reason_document
from solver.scheduling.dispatch import DispatchAnswer
from solver.scheduling.startup import StartupResult


def startup_document(result: StartupResult) -> dict[str, Any]:
    """Return a start-up order as plain data: the waves by name, and every VM's host, start and end in ms."""
    limits = result.question.limits
    document: dict[str, Any] = {
        "status": result.status.value,
        "makespan_ms": result.makespan,
        "bound_ms": result.bound,
        "gap": result.gap,
        "proved_by": result.proved_by,
        "found_by": result.found_by,
        "starts_per_host": limits.per_host,
        "starts_per_cluster": limits.per_cluster,
        "reasons": [reason_document(reason) for reason in result.reasons],
        "warnings": list(result.warnings),
        "waves": [],
        "vms": {},
    }
    if result.order is not None:
        names = result.question.instance.vm_names.names_of
        document["waves"] = [
            {"start_ms": wave.start, "end_ms": wave.end, "vms": names(wave.vms)} for wave in result.order.waves()
        ]
        document["vms"] = _times(result)
    return document


def _times(result: StartupResult) -> dict[str, dict[str, Any]]:
    if result.order is None:
        return {}
    instance, vms = result.question.instance, result.order.started
    numbers, which = np.unique(result.question.placement.host_of[vms], return_inverse=True)
    hosts = instance.host_names.names_of(numbers)
    rows = zip(
        instance.vm_names.names_of(vms),
        which.tolist(),
        result.order.start[vms].tolist(),
        result.order.end[vms].tolist(),
        strict=True,
    )
    return {name: {"host": hosts[host], "start_ms": start, "end_ms": end} for name, host, start, end in rows}


def dispatch_document(answer: DispatchAnswer) -> dict[str, Any]:
    """Return dispatch tables as plain data: per host its cores with their slices, and what every vCPU gets."""
    instance = answer.question.instance
    lengths = {length.host: length for length in answer.lengths}
    hosts = {}
    for one in answer.tables:
        own = _table(instance, one)
        if one.host in lengths:
            length = lengths[one.host]
            own["gangs"] = {
                "length_us": length.length,
                "bound_us": length.bound,
                "proved_by": length.proved_by,
            }
        hosts[instance.host_names.name(one.host)] = own
    return {
        "status": answer.status.value,
        "hosts": hosts,
        "refusals": [
            {"host": refusal.name, "message": refusal.message, "proved": refusal.proved} for refusal in answer.refusals
        ],
    }


def _table(instance: Instance, one: DispatchTable) -> dict[str, Any]:
    name = instance.vm_names.name
    slices = one.by_core()
    idle = one.idle
    return {
        "frame_us": one.frame,
        "migrating_vcpus": one.migrating,
        "longest_blackout_us": one.longest_blackout,
        "cores": [
            {
                "core": core,
                "cell": cell,
                "owner": None if owner < 0 else name(owner),
                "idle_us": idle[core],
                "slices": [
                    {"start_us": piece.start, "end_us": piece.end, "vm": name(piece.vm), "vcpu": piece.vcpu}
                    for piece in slices.get(core, ())
                ],
            }
            for core, (cell, owner) in enumerate(zip(one.cells, one.owners, strict=True))
        ],
        "vcpus": [
            {
                "vm": name(vcpu.vm),
                "vcpu": vcpu.vcpu,
                "cell": vcpu.cell,
                "share_us": vcpu.share,
                "blackout_us": vcpu.blackout,
                "cores": vcpu.cores,
            }
            for vcpu in one.vcpus
        ],
        "excess_cores": {name(own.vm): json_number(own.cores) for own in one.excess},
    }
