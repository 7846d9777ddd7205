"""Campaigns go on where they were cut off, survive every subject, and measure what they say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import program
from benchmarks.campaign import Campaign, Plan, local_pool
from benchmarks.campaigns import CAMPAIGNS, campaign_named
from benchmarks.protocol import Limits, Record
from benchmarks.results import Results
from benchmarks.subjects import SUBJECTS
from formulations.errors import InputError
from tests.benchmarks import fakes
from tests.benchmarks.fakes import subject, tiny_case


def _campaign(tmp_path: Path, names: Sequence[str], seen: list[Record], again: str = "", seeds: int = 1) -> Campaign:
    cases = [tiny_case(name) for name in ("first", "second")]
    return Campaign(
        Plan(cases, names, Limits(seconds=5), seeds=range(seeds)),
        Results(tmp_path / "results.csv"),
        tmp_path,
        again=frozenset({again} - {""}),
        progress=lambda record, _done, _total: seen.append(record),
    )


def test_a_campaign_runs_everything_once_and_goes_on_without_repeating(tmp_path: Path) -> None:
    """A night's work cut off in the morning is not lost, and no run counts twice."""
    seen: list[Record] = []
    with subject("good", fakes.HONEST), ThreadPoolExecutor(1) as executor:
        assert _campaign(tmp_path, ["good"], seen, seeds=2).run(executor) == 4
        results = Results(tmp_path / "results.csv")
        assert {record.key for record in results.read()} == {record.key for record in seen}
        lines = results.path.read_text(encoding="utf-8").splitlines()
        results.path.write_text("\n".join(lines[:3]) + "\n", encoding="utf-8")
        seen.clear()
        assert _campaign(tmp_path, ["good"], seen, seeds=2).run(executor) == 2
        assert [(record.instance, record.seed) for record in seen] == [("second", 0), ("second", 1)]
        assert _campaign(tmp_path, ["good"], seen, seeds=2).run(executor) == 0
    assert len(results.read()) == 4


def test_a_crashing_subject_gives_rows_and_does_not_stop_the_campaign(tmp_path: Path) -> None:
    """One bad peer must not cost the others their rows."""
    seen: list[Record] = []
    with subject("bad", fakes.CRASH), subject("good", fakes.HONEST), ThreadPoolExecutor(2) as executor:
        assert _campaign(tmp_path, ["bad", "good"], seen).run(executor) == 4
    found = {(record.subject, record.status) for record in Results(tmp_path / "results.csv").read()}
    assert found == {("bad", "CRASHED"), ("good", "FEASIBLE")}


def test_crashed_runs_are_done_again_on_request(tmp_path: Path) -> None:
    """After the defect is mended; the other rows stay."""
    seen: list[Record] = []
    with ThreadPoolExecutor(1) as executor:
        with subject("fake", fakes.CRASH):
            _campaign(tmp_path, ["fake"], seen).run(executor)
        with subject("fake", fakes.HONEST):
            assert _campaign(tmp_path, ["fake"], seen).run(executor) == 0
            assert _campaign(tmp_path, ["fake"], seen, again="CRASHED").run(executor) == 2
            assert _campaign(tmp_path, ["fake"], seen, again="CRASHED").run(executor) == 0
    assert {record.status for record in Results(tmp_path / "results.csv").read()} == {"FEASIBLE"}


def test_an_absent_subject_is_refused_with_the_reason(tmp_path: Path) -> None:
    """Before hours are spent on the others."""
    with subject("fake", fakes.HONEST):
        made = SUBJECTS["fake"]
        SUBJECTS["fake"] = type(made)(made.name, made.what, made.asks, made.command, lambda: "not installed")
        with pytest.raises(InputError, match="not installed"):
            _campaign(tmp_path, ["fake"], []).run()


def test_more_jobs_than_cores_are_refused() -> None:
    """Two runs on one core would measure each other."""
    with pytest.raises(InputError, match="one per core"), local_pool(len(os.sched_getaffinity(0)) + 1):
        pass


def test_subjects_of_several_cores_do_not_share_them(tmp_path: Path) -> None:
    """Two runs of two processes each on two cores would measure each other, too."""
    with subject("fake", fakes.HONEST):
        SUBJECTS["fake"] = replace(SUBJECTS["fake"], cores=len(os.sched_getaffinity(0)) + 1)
        with pytest.raises(InputError, match="more cores than there are"):
            _campaign(tmp_path, ["fake"], []).run()


def test_every_named_campaign_has_instances_and_known_subjects() -> None:
    """The documentation quotes their names."""
    for named in CAMPAIGNS.values():
        if named.needs and not os.environ.get("PLACEWRIGHT_DATA"):
            with pytest.raises(InputError, match="PLACEWRIGHT_DATA"):
                named.listed()
            continue
        titles = [case.title for case in named.listed()]
        assert titles
        assert len(set(titles)) == len(titles)
        assert set(named.subjects) <= set(SUBJECTS)
    with pytest.raises(InputError, match="no campaign is called"):
        campaign_named("nonsense")


def test_the_command_line_runs_a_campaign_and_makes_its_tables(tmp_path: Path) -> None:
    """The commands that the documentation gives, in a pool of processes of their own."""
    results = str(tmp_path / "results.csv")
    options = ["--seconds", "3", "--seeds", "1", "--subjects", "placewright", "--cold"]
    done = CliRunner().invoke(program, ["campaign", "small", "-o", results, *options], catch_exceptions=False)
    assert done.exit_code == 0
    assert "1 runs to do" in done.output
    (record,) = Results(Path(results)).read()
    assert record.verified, record.message
    again = CliRunner().invoke(program, ["campaign", "small", "-o", results, *options], catch_exceptions=False)
    assert "0 runs to do, 1 done before" in again.output
    page = tmp_path / "page.md"
    shown = CliRunner().invoke(program, ["tables", results, "--campaign", "small", "--into", str(page)])
    assert shown.exit_code == 0
    assert "| placewright |" in page.read_text(encoding="utf-8")
    plain = CliRunner().invoke(program, ["tables", results, "--by", "resources,n", "--rivals"])
    assert "| resources | VMs | subject |" in plain.output


def test_lists_and_files_from_the_command_line(tmp_path: Path) -> None:
    """What there is, and any instance as a file."""
    for name in ("families", "subjects", "campaigns"):
        listed = CliRunner().invoke(program, [name])
        assert listed.exit_code == 0
        assert len(listed.output.splitlines()) > 5
    written = CliRunner().invoke(program, ["write", "small/s3", "--to", str(tmp_path)])
    assert written.exit_code == 0
    assert all(Path(line).exists() for line in written.output.split())
