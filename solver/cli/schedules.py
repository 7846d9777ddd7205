"""Makes and replays schedules as the command line asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solver.cli.exits import Exit, exit_of_status

if TYPE_CHECKING:
    from rich.console import RenderableType

    from formulations.instance import Instance
    from formulations.placement import Placement
    from formulations.scheduling.dispatch import DispatchQuestion
    from solver.scheduling.dispatch import DispatchAnswer
    from solver.scheduling.startup import StartupResult

DISPATCH_WISHES = ("frame", "latency", "blackouts", "quantum", "gang", "tight", "owners")


@dataclass(frozen=True)
class Schedule:
    """Both parts of a schedule, as far as they were asked for.

    Attributes
    ----------
    startup : StartupResult or None
    dispatch : DispatchAnswer or None
    warnings : tuple of str
    """

    startup: StartupResult | None
    dispatch: DispatchAnswer | None
    warnings: tuple[str, ...] = ()

    @property
    def code(self) -> Exit:
        """The exit code: a proved refusal of either part comes before anything else."""
        codes = [exit_of_status(part.status) for part in (self.startup, self.dispatch) if part is not None]
        order = (Exit.NO_ANSWER, Exit.UNKNOWN, Exit.ANSWER)
        return next(code for code in order if code in codes)

    def text(self, *, everything: bool, shown: list[int]) -> Iterator[RenderableType]:
        """Yield the reports for people."""
        from solver.reporting.schedules import dispatch_report, startup_report

        if self.startup is not None:
            yield from startup_report(self.startup, everything=everything)
        if self.startup is not None and self.dispatch is not None:
            yield ""
        if self.dispatch is not None:
            yield from dispatch_report(self.dispatch, everything=everything, shown=shown)

    def json(self) -> bytes:
        """Return the report for programs."""
        from solver.reporting.documents import encoded
        from solver.reporting.schedule_documents import dispatch_document, startup_document

        return encoded(
            {
                "startup": None if self.startup is None else startup_document(self.startup),
                "dispatch": None if self.dispatch is None else dispatch_document(self.dispatch),
                "warnings": list(self.warnings),
            }
        )


def scheduled(instance: Instance, placement: Placement, wishes: dict[str, Any], limit: float) -> Schedule:
    """Make the parts asked for; tables that the file says too little for are left out with a word."""
    from formulations.errors import UnsupportedError
    from solver.scheduling.dispatch import dispatch_tables

    startup = _started(instance, placement, wishes) if wishes["only"] != "dispatch" else None
    warnings = () if startup is None else startup.warnings
    if wishes["only"] == "startup":
        return Schedule(startup, None, warnings)
    try:
        question = _dispatch_question(instance, placement, wishes)
        _check_cores(question)
    except UnsupportedError as error:
        if wishes["only"] == "dispatch" or any(wishes[name] for name in DISPATCH_WISHES):
            raise
        return Schedule(startup, None, (*warnings, f"no dispatch tables: {error}"))
    return Schedule(startup, dispatch_tables(question, seconds=limit), warnings)


def _started(instance: Instance, placement: Placement, wishes: dict[str, Any]) -> StartupResult:
    from formulations.scheduling.startup import StartLimits
    from solver.scheduling.startup import running_now, startup_order

    limits = StartLimits(wishes["starts_per_host"], wishes["starts_per_cluster"])
    running = running_now(instance) if wishes["running"] else None
    return startup_order(instance, placement, limits=limits, running=running)


def _dispatch_question(instance: Instance, placement: Placement, wishes: dict[str, Any]) -> DispatchQuestion:
    from formulations.scheduling.dispatch import DispatchQuestion

    return DispatchQuestion(
        instance,
        placement,
        frame=wishes["frame"],
        latency=wishes["latency"],
        blackouts=_least(wishes["blackouts"]),
        quantum=wishes["quantum"] or 1,
        gang=wishes["gang"],
        shortest=wishes["tight"],
        owners=wishes["owners"] or "full",
    )


def _check_cores(question: DispatchQuestion) -> None:
    """Refuse a file that tells of no host in use how many cores it has; single hosts are refused with their tables."""
    import numpy as np

    from formulations.cores import core_counts
    from formulations.errors import InputError, UnsupportedError

    instance, placement = question.instance, question.placement
    untold: list[str] = []
    for entry in np.unique(instance.host_names.entry_of(placement.host_of[placement.placed])).tolist():
        try:
            core_counts(instance.hosts[entry], instance.resources[question.cpu])
        except InputError as error:
            untold.append(error.message)
        else:
            return
    if untold:
        more = f" (and {len(untold) - 1:,} more)" if len(untold) > 1 else ""
        raise UnsupportedError(f"{untold[0]}{more}")


def wrong_order(instance: Instance, placement: Placement, check: Path, wishes: dict[str, Any]) -> list[str]:
    """Return what is wrong with a start-up order; limits of the command line stand in for those of the file."""
    from formulations.scheduling.startup import StartLimits, StartupQuestion
    from solver.inventories.files import named
    from solver.inventories.startup_orders import order_of, read_startup
    from solver.scheduling.startup import running_now
    from solver.verifying.schedules.startup import check_startup

    document = read_startup(check)
    with named(check):
        stated = document.limits
        order = order_of(document, instance, placement)
    limits = StartLimits(
        wishes["starts_per_host"] or stated.per_host, wishes["starts_per_cluster"] or stated.per_cluster
    )
    running = running_now(instance) if wishes["running"] else None
    question = StartupQuestion(instance, placement, limits, running)
    return [str(violation) for violation in check_startup(question, order, document.bound_ms)]


def wrong_tables(instance: Instance, placement: Placement, check: Path, wishes: dict[str, Any]) -> list[str]:
    """Return what is wrong with dispatch tables, judged by the wishes of the command line."""
    from solver.inventories.dispatch_tables import read_tables
    from solver.verifying.schedules.dispatch import check_dispatch

    question = _dispatch_question(instance, placement, wishes)
    return [str(violation) for violation in check_dispatch(question, read_tables(check, instance))]


def _least(given: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the bound of every name; of several the least."""
    bounds: dict[str, int] = {}
    for name, bound in given:
        bounds[name] = min(bound, bounds.get(name, bound))
    return bounds
