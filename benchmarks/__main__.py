"""The benchmark's command line: ``python -m benchmarks --help``."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from benchmarks.campaign import Campaign, Plan, default_memory, warm_up
from benchmarks.campaigns import CAMPAIGNS, NamedCampaign, campaign_named
from benchmarks.comparing.contradictions import contradictions
from benchmarks.comparing.pages import put, section
from benchmarks.comparing.pictures import comparable, draw_anytime, draw_profile, picture
from benchmarks.comparing.profiles import primal_integrals, seconds_to_proof
from benchmarks.comparing.tables import rivals_table, summary_table
from benchmarks.families import FAMILIES, SEEDS, Case, case_named, cloud, four_types
from benchmarks.machine import code_version, machine
from benchmarks.measuring import Task, measure
from benchmarks.problems import write_problem
from benchmarks.protocol import Limits, Record
from benchmarks.results import Results
from benchmarks.subjects import SUBJECTS, subject_named
from formulations.errors import InputError, PlacewrightError

if TYPE_CHECKING:
    ParamType = click.ParamType[list[int]]
else:
    ParamType = click.ParamType  # generic for type checkers of newer releases only

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
RESULTS = click.Path(path_type=Path, dir_okay=False, exists=True)


class Numbers(ParamType):
    """Whole numbers: ``0-4`` or ``1,3,7`` or both."""

    name = "numbers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Return the numbers that a text lists."""
        found: list[int] = []
        for part in str(value).split(","):
            first, _, last = part.partition("-")
            if not first.isdigit() or not (last or first).isdigit():
                self.fail(f"expected numbers such as 0-4 or 1,3,7, got {value!r}", param, ctx)
            found += range(int(first), int(last or first) + 1)
        return found


@click.group()
def program() -> None:
    """Measure placewright and others on the same instances, cores and time."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)


@program.command()
def families() -> None:
    """List the families of instances."""
    for family in FAMILIES.values():
        absent = family.absent()
        count = f"skipped: {absent}" if absent else f"{len(list(family.cases(SEEDS)))} instances"
        click.echo(f"{family.name:16} {count}\n    {family.what}\n    {family.source}")


@program.command()
def subjects() -> None:
    """List what can be measured."""
    for subject in SUBJECTS.values():
        absent = subject.absent()
        click.echo(f"{subject.name:24} {subject.what}" + (f"\n    skipped: {absent}" if absent else ""))


@program.command()
def campaigns() -> None:
    """List the named campaigns."""
    for campaign in CAMPAIGNS.values():
        click.echo(f"{campaign.name:16} {campaign.seconds:3g} s a run: {campaign.what}")


@program.command()
@click.argument("titles", nargs=-1, required=True, metavar="FAMILY/NAME...")
@click.option("--to", "folder", type=FOLDER, default=Path(), show_default="here", help="Where the files go.")
@click.option("--seeds", type=Numbers(), default="0-9", show_default=True, help="Of generated instances.")
def write(titles: Sequence[str], folder: Path, seeds: list[int]) -> None:
    """Write instances as files that placewright and its peers read."""
    folder.mkdir(parents=True, exist_ok=True)
    for title in titles:
        problem = write_problem(case_named(title, seeds), folder)
        click.echo("\n".join(path for path in (problem.instance, problem.packing) if path))


@program.command()
@click.argument("subject")
@click.argument("title", metavar="FAMILY/NAME")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the subject.")
@click.option("--seeds", type=Numbers(), default="0-9", show_default=True, help="Of generated instances.")
def run(subject: str, title: str, seconds: float, seed: int, seeds: list[int]) -> None:
    """Measure one SUBJECT on one instance and print the record."""
    with tempfile.TemporaryDirectory(prefix="placewright-") as folder:
        problem = write_problem(case_named(title, seeds), Path(folder))
        task = Task(
            problem=problem,
            subject=subject,
            limits=Limits(seconds=seconds),
            seed=seed,
            version=code_version(),
            machine=machine(),
        )
        record = measure(task)
    for name, value in msgspec.to_builtins(record).items():
        click.echo(f"{name:16} {value}")


@program.command()
@click.argument("name", type=click.Choice(list(CAMPAIGNS)))
@click.option("--output", "-o", type=FILE, required=True, help="CSV file; runs whose rows it holds are not repeated.")
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), help="For every run; by default the campaign's."
)
@click.option("--seeds", type=Numbers(), help="Of generated instances; by default the campaign's.")
@click.option("--subjects", "names", help="Separated by commas; by default the campaign's.")
@click.option("--repeats", type=click.IntRange(min=1), help="Runs per instance, with the subject's seeds 0, 1, ...")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="At a time, a core each.")
@click.option("--memory", type=click.FloatRange(min=1), help="MB for every run; by default 90 % of all, shared out.")
@click.option("--filter", "pattern", default="", help="Only instances whose FAMILY/NAME contains this.")
@click.option("--again", default="", help="Statuses of runs to do again, such as CRASHED,KILLED.")
@click.option("--problems", type=FOLDER, help="Keep problem files here instead of in a temporary folder.")
@click.option("--cold", is_flag=True, help="Do not run every subject once on small instances first.")
def campaign(name: str, output: Path, problems: Path | None, *, cold: bool, **options: object) -> None:
    """Run a campaign and write a row for every run; start it again to go on where it was cut off."""
    named = campaign_named(name)
    plan, jobs = _plan(named, options)
    with tempfile.TemporaryDirectory(prefix="placewright-") as temporary:
        folder = problems or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        again = frozenset(str(options["again"]).upper().split(",")) - {""}
        work = Campaign(plan, Results(output), folder, jobs=jobs, again=again, progress=_tell)
        missing = work.missing()
        click.echo(f"{len(missing)} runs to do, {len(list(plan.runs())) - len(missing)} done before", err=True)
        if missing and not cold:
            warm_up(plan.subjects, _small(), folder, replace_seconds(plan.limits, 5.0))
        work.run()


def replace_seconds(limits: Limits, seconds: float) -> Limits:
    """Return limits with other seconds."""
    return msgspec.structs.replace(limits, seconds=seconds)


def _plan(named: NamedCampaign, options: dict[str, object]) -> tuple[Plan, int]:
    """Return what the options ask for, and how many runs at a time."""
    seeds, repeats, jobs = options["seeds"], options["repeats"] or named.repeats, options["jobs"]
    if not isinstance(jobs, int) or not isinstance(repeats, int) or not isinstance(seeds, list | None):
        raise TypeError("click gives whole numbers here")
    cases = [case for case in named.listed(seeds) if str(options["pattern"]) in case.title]
    memory = float(str(options["memory"])) if options["memory"] else default_memory(jobs)
    limits = Limits(seconds=float(str(options["seconds"] or named.seconds)), memory=memory)
    return Plan(cases, _subjects(named, options["names"]), limits, range(repeats)), jobs


def _subjects(named: NamedCampaign, names: object) -> list[str]:
    """Return the subjects asked for, or the campaign's own; absent ones of these are named and left out."""
    if isinstance(names, str):
        return names.split(",")
    present = []
    for subject in map(subject_named, named.subjects):
        if (reason := subject.absent()) is None:
            present.append(subject.name)
        else:
            click.echo(f"{subject.name} is skipped: {reason}", err=True)
    return present


def _small() -> Iterable[Case]:
    """Return instances that make every engine compile what it compiles."""
    yield from (cloud.cloud_case(100, 30, resources, 0) for resources in (2, 3))
    yield four_types.four_types_case(100, 2, 0, limited=True)


def _tell(record: Record, done: int, total: int) -> None:
    figures = f"value {record.value}, bound {record.bound}, {record.wall:.1f} s"
    said = f"{record.family}/{record.instance} {record.subject} {record.status} {record.proof}: {figures}"
    click.echo(f"[{done}/{total}] {said}{'; ' + record.message if record.message else ''}", err=True)


@program.command()
@click.argument("files", nargs=-1, required=True, type=RESULTS, metavar="RESULTS.csv...")
@click.option("--by", help="Fields that divide the instances, separated by commas, such as family,n.")
@click.option("--campaign", "name", type=click.Choice(list(CAMPAIGNS)), help="Make the section of this campaign.")
@click.option("--into", type=FILE, help="Put the section into this document, such as docs/benchmarks.md.")
@click.option("--rivals", is_flag=True, help="Also placewright against each other subject.")
def tables(files: Sequence[Path], by: str | None, name: str | None, into: Path | None, *, rivals: bool) -> None:
    """Make tables from results."""
    records = _records(files)
    if name is not None:
        named = campaign_named(name)
        text = section(replace(named, by=by.split(",")) if by else named, records)
        if into is not None:
            put(text, name, into)
        click.echo(text, nl=False)
        return
    if into is not None:
        raise click.UsageError("--into needs --campaign")
    for family in dict.fromkeys(record.family for record in records):
        of_family = [record for record in records if record.family == family]
        fields = by.split(",") if by else FAMILIES[family].by
        click.echo(f"{family}\n\n{summary_table(of_family, fields)}")
        if rivals:
            click.echo(rivals_table(of_family, fields))
    for sentence in contradictions(records):
        click.echo(f"contradiction: {sentence}")


@program.command()
@click.argument("files", nargs=-1, required=True, type=RESULTS, metavar="RESULTS.csv...")
@click.option("--to", "folder", type=FOLDER, required=True, help="Where the pictures go.")
@click.option("--name", default="", help="Begins their names.")
@click.option("--subjects", "names", help="Only these, separated by commas.")
@click.option("--format", "ending", type=click.Choice(["png", "svg", "pdf"]), default="png", show_default=True)
def pictures(files: Sequence[Path], folder: Path, name: str, ending: str, names: str | None) -> None:
    """Draw performance profiles and anytime curves over the instances that all subjects ran."""
    wanted = names.split(",") if names else []
    runs = [record for record in _records(files) if record.status != "SKIPPED"]
    records = comparable([record for record in runs if not wanted or record.subject in wanted])
    folder.mkdir(parents=True, exist_ok=True)
    details = f"{len({(record.family, record.instance) for record in records})} instances"
    for kind, headline, draw in (
        ("proof", "Seconds to a proof", partial(draw_profile, records, seconds_to_proof)),
        ("integral", "Primal integral", partial(draw_profile, records, primal_integrals(records))),
        ("anytime", "How soon good answers come", partial(draw_anytime, records)),
    ):
        path = folder / f"{name + '-' if name else ''}{kind}.{ending}"
        picture(headline, details, draw, path)
        click.echo(path)


def _records(files: Sequence[Path]) -> list[Record]:
    records = [record for path in files for record in Results(path).read()]
    if not records:
        raise InputError("no results", file=str(files[0]))
    return records


def main() -> None:
    """Run the program; the caller's mistakes become one line."""
    try:
        program()
    except PlacewrightError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
