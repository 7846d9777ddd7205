"""Bursting: the probability that what VMs may use at once fits on their hosts."""

from __future__ import annotations

from solver.bursting.odds import bertsimas_sim_bound
from solver.bursting.report import BurstReport, HostBurst, Method, burst_report

__all__ = ["BurstReport", "HostBurst", "Method", "bertsimas_sim_bound", "burst_report"]
