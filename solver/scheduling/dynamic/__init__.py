"""The dynamic schedule: how long given work waits for the cores of its hosts under each policy."""

from __future__ import annotations

from solver.scheduling.dynamic.figures import Figures, Spread, Summary, core_time, jain_index, summary, vm_figures
from solver.scheduling.dynamic.generating import KINDS, Kind, generated
from solver.scheduling.dynamic.machines import Machine, machines_of
from solver.scheduling.dynamic.policies import (
    FirstCome,
    Policy,
    Priority,
    Ranked,
    Ranking,
    RoundRobin,
    ShortestJob,
    ShortestRemaining,
    Task,
)
from solver.scheduling.dynamic.records import Span
from solver.scheduling.dynamic.shares import ProportionalShare
from solver.scheduling.dynamic.simulation import POLICIES, Simulation, compare, simulate

__all__ = [
    "KINDS",
    "POLICIES",
    "Figures",
    "FirstCome",
    "Kind",
    "Machine",
    "Policy",
    "Priority",
    "ProportionalShare",
    "Ranked",
    "Ranking",
    "RoundRobin",
    "ShortestJob",
    "ShortestRemaining",
    "Simulation",
    "Span",
    "Spread",
    "Summary",
    "Task",
    "compare",
    "core_time",
    "generated",
    "jain_index",
    "machines_of",
    "simulate",
    "summary",
    "vm_figures",
]
