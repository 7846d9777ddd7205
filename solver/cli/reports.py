"""What ``placewright allocate`` answers, model by model: as text, as JSON and as a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import get_args

from rich.console import RenderableType
from rich.text import Text

from formulations.allocation.linear import evaluate
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from solver.allocating import Policy, allocate
from solver.allocating.affine import linear_answers, linear_placement
from solver.allocating.contentions import horizons, host_resources
from solver.allocating.dynamic import best_dynamic_policy, policy_bands
from solver.errors import VerificationError
from solver.reporting.documents import encoded, result_json
from solver.reporting.pictures import picture_of_bands, picture_of_placement, picture_of_ranges
from solver.reporting.policies import Course, course_report, evaluation_report, policy_report
from solver.reporting.policy_documents import course_document, evaluation_document, policy_document
from solver.reporting.text import placement_report, reason_text
from solver.result import LevelResult, Reason, Result, Status
from solver.verifying import Fault, Verdict, verify


@dataclass(frozen=True)
class Report:
    """An answer in every form that can be asked for.

    Attributes
    ----------
    status : Status
        OPTIMAL, or INFEASIBLE where there is no allocation of the kind.
    text : callable
        Returns the report for people; the argument says whether to show everything.
    json : callable
        Returns the report for programs.
    draw : callable
        Draws into a file.
    warnings : tuple of str
    """

    status: Status
    text: Callable[[bool], Iterable[RenderableType]]
    json: Callable[[], bytes]
    draw: Callable[[Path], None]
    warnings: tuple[str, ...] = ()


OF_THE_PLACEMENT = frozenset(
    {Fault.ARRAYS, Fault.NO_HOST, Fault.NOT_WANTED, Fault.IGNORED, Fault.MAINTENANCE, Fault.RULE}
)
"""Faults that no allocation can mend: whoever gave the placement is told of them."""


def of_free(instance: Instance, placement: Placement, policy: str) -> Report:
    """Allocate freely by a policy, and have the judge look at it."""
    chosen = next(known for known in get_args(Policy) if known == policy)
    before = verify(instance, placement)
    warnings = tuple(found.message for found in before.violations if found.kind in OF_THE_PLACEMENT)
    allocated = allocate(instance, placement, chosen)
    if allocated is None:
        reasons = _shortages(before)
        result = Result(instance, Status.INFEASIBLE, reasons=reasons, settings={"policy": policy})
        return Report(
            result.status, lambda _: _refusal(reasons), lambda: result_json(result), _nothing_to_draw, warnings
        )
    result = _judged(instance, allocated, policy)

    def text(everything: bool) -> Iterator[RenderableType]:
        yield Text(f"allocation by {policy}\n", style="bold")
        yield from placement_report(instance, allocated, everything=everything)

    return Report(
        Status.OPTIMAL,
        text,
        lambda: result_json(result),
        lambda path: picture_of_placement(instance, allocated, path),
        warnings,
    )


def _nothing_to_draw(path: Path) -> None:
    """Refuse to draw what does not exist."""
    raise InputError(f"there is nothing to draw into {path}")


def _judged(instance: Instance, placement: Placement, policy: str) -> Result:
    """Return the allocation as a result, after the judge has accepted all that an allocation answers for."""
    verdict = verify(instance, placement)
    for found in verdict.violations:
        if found.kind not in OF_THE_PLACEMENT:
            raise VerificationError(f"the allocation is rejected: {found.message}")
    values = zip(instance.levels, verdict.values or (), strict=False)
    levels = tuple(LevelResult(level.name, level.said_unit, value) for level, value in values)
    return Result(instance, Status.FEASIBLE, placement, levels, settings={"policy": policy, "placement": "given"})


def _shortages(verdict: Verdict) -> tuple[Reason, ...]:
    """Return why the floors of the placement do not fit."""
    found = [violation.message for violation in verdict.violations if violation.kind not in OF_THE_PLACEMENT]
    return tuple(Reason(message) for message in found) or (Reason("some host cannot hold what its VMs must get"),)


def _refusal(reasons: Iterable[Reason]) -> Iterator[RenderableType]:
    yield Text("INFEASIBLE", style="bold red").append(
        ": there is no allocation for this placement\n", style="not bold default"
    )
    yield from map(reason_text, reasons)


def of_linear(instance: Instance, placement: Placement, *, ranges: bool) -> Report:
    """Find the best linear policy of every host and resource."""
    found = linear_answers(instance, placement)
    answers = {instance.host_names.name(host): one for host, one in found.items()}
    allocated = linear_placement(instance, placement, found)
    status = Status.INFEASIBLE if allocated is None else Status.OPTIMAL

    def text(everything: bool) -> Iterator[RenderableType]:
        yield from policy_report(answers, ranges=ranges, everything=everything)
        if allocated is not None:
            yield from placement_report(instance, allocated, everything=everything)

    def draw(path: Path) -> None:
        if ranges:
            picture_of_ranges(answers, path)
        elif allocated is not None:
            picture_of_placement(instance, allocated, path)

    return Report(status, text, lambda: encoded(policy_document(answers)), draw)


def of_dynamic(instance: Instance, placement: Placement, *, ranges: bool) -> Report:
    """Find the best dynamic policy of every host and resource."""
    courses = {
        instance.host_names.name(host): {
            name: Course(best_dynamic_policy(horizon), policy_bands(horizon) if ranges else None)
            for name, horizon in one.items()
        }
        for host, one in horizons(instance, placement).items()
    }
    proved = all(course.answer.policies for one in courses.values() for course in one.values())
    return Report(
        Status.OPTIMAL if proved else Status.INFEASIBLE,
        lambda everything: course_report(courses, everything=everything),
        lambda: encoded(course_document(courses)),
        lambda path: picture_of_bands(courses, path),
    )


def of_evaluation(
    instance: Instance, placement: Placement, coefficients: Mapping[str, tuple[Fraction, Fraction]]
) -> Report:
    """Work out what given coefficients do on every host, for the resources that have some."""
    evaluations = {
        instance.host_names.name(host): {
            name: evaluate(case, *coefficients[name]) for name, case in one.items() if name in coefficients
        }
        for host, one in host_resources(instance, placement).items()
    }
    kept = all(one.feasible for host in evaluations.values() for one in host.values())
    return Report(
        Status.OPTIMAL if kept else Status.INFEASIBLE,
        lambda everything: evaluation_report(evaluations, everything=everything),
        lambda: encoded(evaluation_document(evaluations)),
        _nothing_to_draw,
    )
