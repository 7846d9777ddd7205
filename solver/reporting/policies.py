"""Linear policies as people read them: coefficients, feasible ranges, and what a given policy breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text

from formulations.allocation.contention import HostResource
from formulations.allocation.linear import Evaluation
from solver.allocating.affine import AffineAnswer
from solver.allocating.dynamic import Bands, DynamicAnswer
from solver.allocating.polygon import Interval
from solver.reporting.figures import count, figure, percent, with_unit
from solver.reporting.tables import Column, stacked, table

MOST_HOSTS = 10

MOST_SENTENCES = 20

Answers = Mapping[str, Mapping[str, AffineAnswer]]
"""By host name and resource name."""

Evaluations = Mapping[str, Mapping[str, Evaluation]]
"""By host name and resource name."""


def policy_report(answers: Answers, *, ranges: bool, everything: bool = False) -> Iterator[RenderableType]:
    """Yield the best linear policy of every host and resource, and why where there is none.

    Parameters
    ----------
    answers : mapping
        By host name and resource name.
    ranges : bool
        Whether to show the feasible intervals of A and B.
    everything : bool
        Show every host, however many.
    """
    shown = list(answers) if everything else list(answers)[:MOST_HOSTS]
    yield Text("linear policies: a = A * capacity + B * demand\n")
    for host in shown:
        found = list(answers[host].values())
        yield Text(host, style="bold")
        yield from stacked(
            [Column("resource", [_resource(answer.case) for answer in found], name=True)], _columns(found)
        )
        if ranges:
            yield ""
            yield range_table(found)
        yield from (
            Text(f"no policy for {answer.case.resource}: {_why(answer)}") for answer in found if not answer.policy
        )
        yield ""
    if len(shown) < len(answers):
        yield Text(f"… and {count(len(answers) - len(shown), 'more host')} (--all shows them)")


def _columns(found: list[AffineAnswer]) -> list[Column]:
    policies = [answer.policy for answer in found]
    return [
        Column("A", ["none" if policy is None else figure(policy.capacity_coefficient) for policy in policies]),
        Column("B", ["none" if policy is None else figure(policy.demand_coefficient) for policy in policies]),
        Column("utilisation", ["none" if policy is None else percent(policy.utilisation) for policy in policies]),
        Column(
            "least satisfied",
            ["none" if policy is None else percent(policy.smallest_satisfaction) for policy in policies],
        ),
        Column(
            "price of linearity",
            ["none" if (price := answer.price_of_linearity) is None else percent(price) for answer in found],
        ),
    ]


def range_table(found: list[AffineAnswer]) -> RenderableType:
    """Return the intervals of A and B that the bounds and the capacity leave."""
    known = [answer.range for answer in found]
    return table(
        [
            Column("feasible", [_resource(answer.case) for answer in found], name=True),
            Column("A", ["empty" if one is None else interval_words(one.a_interval) for one in known]),
            Column("B", ["empty" if one is None else interval_words(one.b_interval) for one in known]),
        ]
    )


def interval_words(interval: Interval) -> str:
    """Spell an interval."""
    low, high = interval
    if low is None and high is None:
        return "any"
    return f"{'-∞' if low is None else figure(low)} … {'∞' if high is None else figure(high)}"


def _why(answer: AffineAnswer) -> str:
    return "" if answer.reason is None else answer.reason.message


def _resource(case: HostResource) -> str:
    return f"{case.resource} ({case.unit})" if case.unit else case.resource


def evaluation_report(evaluations: Evaluations, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield what a given policy gives every VM, the totals, and which bounds it breaks.

    Parameters
    ----------
    evaluations : mapping
        By host name and resource name.
    everything : bool
        Show every host and every broken bound, however many.
    """
    shown = list(evaluations) if everything else list(evaluations)[:MOST_HOSTS]
    for host in shown:
        found = list(evaluations[host].values())
        yield Text(host, style="bold")
        yield _totals(found)
        yield ""
        yield from _shares(found)
        sentences = [sentence for one in found for sentence in one.sentences()]
        listed = sentences if everything else sentences[:MOST_SENTENCES]
        yield from (Text(f"- {sentence}") for sentence in listed)
        if len(listed) < len(sentences):
            yield Text(f"… and {len(sentences) - len(listed):,} more (--all shows them)")
        yield ""
    if len(shown) < len(evaluations):
        yield Text(f"… and {count(len(evaluations) - len(shown), 'more host')} (--all shows them)")


def _totals(found: list[Evaluation]) -> RenderableType:
    return table(
        [
            Column("resource", [one.case.resource for one in found], name=True),
            Column("A", [figure(one.capacity_coefficient) for one in found]),
            Column("B", [figure(one.demand_coefficient) for one in found]),
            Column("allocated", [with_unit(one.total, one.case.unit) for one in found]),
            Column("capacity", [with_unit(one.case.capacity, one.case.unit) for one in found]),
            Column("verdict", [_verdict(one) for one in found], name=True),
        ]
    )


def _verdict(evaluation: Evaluation) -> str:
    if evaluation.excess:
        return "over capacity"
    return "feasible" if evaluation.feasible else "bounds broken"


def _shares(found: list[Evaluation]) -> Iterator[RenderableType]:
    keys = [Column("VM", found[0].case.vms, name=True)]
    yield from stacked(
        keys, [Column(_resource(one.case), [figure(share) for share in one.allocation]) for one in found]
    )


@dataclass(frozen=True)
class Course:
    """A dynamic policy of one resource of one host, and the ranges of f(t) and g(t) where asked for."""

    answer: DynamicAnswer
    bands: Bands | None = None


Courses = Mapping[str, Mapping[str, Course]]
"""By host name and resource name."""


def course_report(courses: Courses, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield the dynamic policies of every host and resource, period by period.

    Parameters
    ----------
    courses : mapping
        By host name and resource name.
    everything : bool
        Show every host, however many.
    """
    shown = list(courses) if everything else list(courses)[:MOST_HOSTS]
    yield Text("dynamic policies: a(t) = f(t) * capacity + g(t) * demand(t)\n")
    for host in shown:
        for course in courses[host].values():
            answer = course.answer
            yield Text(f"{host}, {_resource(answer.horizon.periods[0])}", style="bold")
            if answer.policies:
                yield from _course_tables(course)
            else:
                yield Text(f"no policy: {answer.reason.message if answer.reason else ''}")
            yield ""
    if len(shown) < len(courses):
        yield Text(f"… and {count(len(courses) - len(shown), 'more host')} (--all shows them)")


def _course_tables(course: Course) -> Iterator[RenderableType]:
    policies, bands = course.answer.policies, course.bands
    keys = [Column("t", [str(t) for t in range(len(policies))])]
    columns = [
        Column("f(t)", [figure(one) for one in course.answer.f]),
        Column("g(t)", [figure(one) for one in course.answer.g]),
        Column("utilisation", [percent(policy.utilisation) for policy in policies]),
        Column("least satisfied", [percent(policy.smallest_satisfaction) for policy in policies]),
    ]
    if bands is not None:
        columns.insert(1, Column("f(t) from … to", [interval_words(one) for one in bands.f]))
        columns.insert(3, Column("g(t) from … to", [interval_words(one) for one in bands.g]))
    yield table([*keys, *columns])
    yield ""
    names = course.answer.horizon.names
    yield from stacked(
        keys, [Column(name, [figure(policy.allocation[vm]) for policy in policies]) for vm, name in enumerate(names)]
    )
    yield Text(f"proved by {course.answer.proved_by}")
