"""Answers as picture files: what the command line draws."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from formulations.instance import Instance
from formulations.placement import Placement
from solver.reporting.pictures.bands import PolicyCourse, band_figure
from solver.reporting.pictures.canvas import save_figure
from solver.reporting.pictures.placements import placement_figure, result_figure
from solver.reporting.pictures.polygons import MOST_PANELS, PolicyRange, policy_range_figure
from solver.result import Result

if TYPE_CHECKING:
    from fractions import Fraction

    from solver.allocating.affine import AffineAnswer
    from solver.allocating.polygon import Interval
    from solver.reporting.policies import Answers, Course, Courses


def picture_of_result(result: Result, path: str | Path) -> None:
    """Draw a result's placement into a file; see `result_figure` and `save_figure`."""
    save_figure(result_figure(result), path)


def picture_of_placement(instance: Instance, placement: Placement, path: str | Path) -> None:
    """Draw a placement into a file; see `placement_figure` and `save_figure`."""
    save_figure(placement_figure(instance, placement), path)


def picture_of_ranges(answers: Answers, path: str | Path) -> None:
    """Draw the feasible linear policies of hosts' resources into a file, the first ``MOST_PANELS`` of them."""
    ranges = (policy_range(f"{host}, {name}", own) for host, one in answers.items() for name, own in one.items())
    shown = list(islice(ranges, MOST_PANELS))
    headline = _headline("Feasible linear policies", len(shown), sum(len(one) for one in answers.values()))
    save_figure(policy_range_figure(shown, headline=headline), path)


def picture_of_bands(courses: Courses, path: str | Path) -> None:
    """Draw the dynamic policies of hosts' resources into a file, the first ``MOST_PANELS`` of them."""
    drawn = (policy_course(f"{host}, {name}", own) for host, one in courses.items() for name, own in one.items())
    shown = list(islice(drawn, MOST_PANELS))
    headline = _headline("Dynamic policies over time", len(shown), sum(len(one) for one in courses.values()))
    save_figure(band_figure(shown, headline=headline), path)


def _headline(what: str, shown: int, there: int) -> str:
    return what if shown == there else f"{what}: the first {shown} of {there}"


def policy_range(label: str, answer: AffineAnswer) -> PolicyRange:
    """Return what to draw of an answer of the linear allocation model."""
    policy = answer.policy
    best = None if policy is None else _point((policy.capacity_coefficient, policy.demand_coefficient))
    if answer.range is None:
        return PolicyRange(label, (), best)
    vertices = tuple(_point(vertex) for vertex in answer.range.vertices)
    return PolicyRange(label, vertices, best, tuple(_point(line) for line in answer.range.lines))


def policy_course(label: str, course: Course) -> PolicyCourse:
    """Return what to draw of an answer of the dynamic allocation model."""
    f, g = (tuple(float(value) for value in values) for values in (course.answer.f, course.answer.g))
    if course.bands is None or not f:
        return PolicyCourse(label, f, g)
    return PolicyCourse(
        label,
        f,
        g,
        tuple(_ends(interval) for interval in course.bands.f),
        tuple(_ends(interval) for interval in course.bands.g),
    )


def _point(pair: tuple[Fraction, Fraction]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    low, high = interval
    return None if low is None else float(low), None if high is None else float(high)
