"""Policies for programs: linear and dynamic allocations, ranges and evaluations as plain data."""

from __future__ import annotations

from typing import Any

from formulations.allocation.linear import Evaluation
from formulations.quantities import json_number
from solver.allocating.affine import AffineAnswer
from solver.allocating.polygon import Interval
from solver.reporting.documents import reason_document
from solver.reporting.policies import Answers, Course, Courses, Evaluations
from solver.result import Status


def policy_document(answers: Answers) -> dict[str, Any]:
    """Return linear policies as plain data, by host and resource; with their feasible ranges."""
    found = [answer for host in answers.values() for answer in host.values()]
    return {
        "status": Status.OPTIMAL if all(answer.policy for answer in found) else Status.INFEASIBLE,
        "model": "linear",
        "hosts": {host: {name: _answer(answer) for name, answer in one.items()} for host, one in answers.items()},
    }


def _answer(answer: AffineAnswer) -> dict[str, Any]:
    policy, polygon, price = answer.policy, answer.range, answer.price_of_linearity
    told: dict[str, Any] = {
        "unit": answer.case.unit,
        "capacity": json_number(answer.case.capacity),
        "price_of_linearity": None if price is None else json_number(price),
        "reason": None if answer.reason is None else reason_document(answer.reason),
    }
    if policy is not None:
        told |= {
            "A": json_number(policy.capacity_coefficient),
            "B": json_number(policy.demand_coefficient),
            "utilisation": json_number(policy.utilisation),
            "smallest_satisfaction": json_number(policy.smallest_satisfaction),
            "allocation": dict(zip(answer.case.vms, map(json_number, policy.allocation), strict=True)),
        }
    if polygon is not None:
        told["range"] = {
            "A": _ends(polygon.a_interval),
            "B": _ends(polygon.b_interval),
            "vertices": [[json_number(a), json_number(b)] for a, b in polygon.vertices],
        }
    return told


def _ends(interval: Interval) -> list[int | float | None]:
    return [None if end is None else json_number(end) for end in interval]


def evaluation_document(evaluations: Evaluations) -> dict[str, Any]:
    """Return what a given policy does as plain data, by host and resource."""
    found = [one for host in evaluations.values() for one in host.values()]
    return {
        "feasible": all(one.feasible for one in found),
        "model": "linear",
        "hosts": {host: {name: _evaluation(one) for name, one in all_.items()} for host, all_ in evaluations.items()},
    }


def _evaluation(one: Evaluation) -> dict[str, Any]:
    return {
        "unit": one.case.unit,
        "A": json_number(one.capacity_coefficient),
        "B": json_number(one.demand_coefficient),
        "allocated": json_number(one.total),
        "capacity": json_number(one.case.capacity),
        "excess": json_number(one.excess),
        "feasible": one.feasible,
        "allocation": dict(zip(one.case.vms, map(json_number, one.allocation), strict=True)),
        "broken": list(one.sentences()),
    }


def course_document(courses: Courses) -> dict[str, Any]:
    """Return dynamic policies as plain data, by host and resource; every list has one item per period."""
    found = [course for host in courses.values() for course in host.values()]
    return {
        "status": Status.OPTIMAL if all(course.answer.policies for course in found) else Status.INFEASIBLE,
        "model": "dynamic",
        "hosts": {host: {name: _course(course) for name, course in one.items()} for host, one in courses.items()},
    }


def _course(course: Course) -> dict[str, Any]:
    answer, case = course.answer, course.answer.horizon.periods[0]
    told: dict[str, Any] = {
        "unit": case.unit,
        "capacity": json_number(case.capacity),
        "proved_by": answer.proved_by,
        "reason": None if answer.reason is None else reason_document(answer.reason),
    }
    if answer.policies:
        told |= {
            "f": [json_number(one) for one in answer.f],
            "g": [json_number(one) for one in answer.g],
            "utilisation": [json_number(policy.utilisation) for policy in answer.policies],
            "smallest_satisfaction": [json_number(policy.smallest_satisfaction) for policy in answer.policies],
            "allocation": {
                name: [json_number(policy.allocation[vm]) for policy in answer.policies]
                for vm, name in enumerate(case.vms)
            },
        }
    if course.bands is not None:
        told["range"] = {"f": [_ends(one) for one in course.bands.f], "g": [_ends(one) for one in course.bands.g]}
    return told
