"""Pictures of placements, policies and searches, drawn with matplotlib where it is installed."""

from __future__ import annotations

from solver.reporting.pictures.answers import (
    picture_of_bands,
    picture_of_placement,
    picture_of_ranges,
    picture_of_result,
    policy_course,
    policy_range,
)
from solver.reporting.pictures.bands import PolicyCourse, band_figure
from solver.reporting.pictures.canvas import save_figure
from solver.reporting.pictures.gantt import Bar, gantt_figure
from solver.reporting.pictures.placements import placement_figure, result_figure
from solver.reporting.pictures.polygons import PolicyRange, policy_range_figure
from solver.reporting.pictures.traces import trace_figure

__all__ = [
    "Bar",
    "PolicyCourse",
    "PolicyRange",
    "band_figure",
    "gantt_figure",
    "picture_of_bands",
    "picture_of_placement",
    "picture_of_ranges",
    "picture_of_result",
    "placement_figure",
    "policy_course",
    "policy_range",
    "policy_range_figure",
    "result_figure",
    "save_figure",
    "trace_figure",
]
