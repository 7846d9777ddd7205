"""CBC: found, run within the deadline, and believed only after checking."""

from __future__ import annotations

import errno
import math
import os
import time
from pathlib import Path

import pulp
import pytest

from solver.backends import CbcBackend, Outcome, Settings, Solution, cbc
from solver.deadline import Deadline
from solver.errors import BackendError, BackendMissingError
from tests.solver.backends.fakes import answering_cbc, fake_cbc
from tests.solver.backends.models import expression, knapsack, market_split


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a temporary folder of its own, to see what is left in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def solved(problem: pulp.LpProblem, seconds: float = 20, path: str | None = None, **options: object) -> Solution:
    return CbcBackend(path).solve(problem, deadline=Deadline(seconds), settings=Settings(**options))  # type: ignore[arg-type]


def choice(sense: int = pulp.LpMinimize) -> pulp.LpProblem:
    """Return a model of one row: x + y >= 1.5, integer x and y in [0, 5], cost 2 x + 3 y."""
    problem = pulp.LpProblem("choice", sense)
    x, y = (problem.add_variable(name, 0, 5, pulp.LpInteger) for name in ("x", "y"))
    problem.setObjective(expression([(x, 2), (y, 3)]))
    problem.addConstraint(pulp.LpConstraint(expression([(x, 1), (y, 1)]), pulp.LpConstraintGE, "row", 1.5))
    return problem


def test_name_states_the_version() -> None:
    """Every result names who proved it."""
    backend = CbcBackend()
    assert backend.name == f"CBC {cbc._version(backend.path)}"
    assert backend.name.split()[1][0].isdigit()


def test_answer_is_complete() -> None:
    """Callers rely on every field: values under their names, objective, bound, time and name."""
    problem = choice()
    solution = solved(problem)
    assert solution.outcome is Outcome.OPTIMAL
    assert solution.values == {"x": 2.0, "y": 0.0}
    assert solution.objective == solution.bound == 4.0
    assert 0 < solution.seconds < 20
    assert solution.backend == CbcBackend().name
    assert [variable.value() for variable in problem.variables()] == [2.0, 0.0]


def test_values_come_back_under_long_and_odd_names() -> None:
    """Model files limit names; callers do not care."""
    problem = pulp.LpProblem("names")
    names = ["assign_" + "very_long_name_" * 20 + end for end in ("a", "b")] + ["e9", "ünïcode", "C0000000", "FREE"]
    variables = [problem.add_variable(name, number, 10) for number, name in enumerate(names)]
    problem.setObjective(expression([(variable, 1) for variable in variables]))
    assert solved(problem).values == {name: float(number) for number, name in enumerate(names)}


def test_models_without_objective_rows_or_variables() -> None:
    """Engines make such models in corner cases; PuLP's own door raises or adds a dummy variable."""
    empty = pulp.LpProblem("empty")
    assert solved(empty).outcome is Outcome.OPTIMAL
    assert solved(empty).values == {}
    constant = pulp.LpProblem("constant")
    constant.setObjective(pulp.LpAffineExpression(constant=7))
    assert solved(constant).objective == solved(constant).bound == 7
    rowless = pulp.LpProblem("rowless", pulp.LpMaximize)
    rowless.setObjective(expression([(rowless.add_variable("x", -1, 4.5, pulp.LpInteger), 2)], 1))
    assert solved(rowless).objective == solved(rowless).bound == 9
    aimless = choice()
    aimless.objective = None
    found = solved(aimless)
    assert found.outcome is Outcome.OPTIMAL
    assert found.objective == 0
    assert aimless.objective is None
    assert found.values["x"] + found.values["y"] >= 1.5


@pytest.mark.parametrize(("side", "outcome"), [(1.0, Outcome.INFEASIBLE), (0.0, Outcome.OPTIMAL)])
def test_rows_without_variables_count(side: float, outcome: Outcome) -> None:
    """A row whose variables all vanished still says whether the model is feasible."""
    problem = choice()
    problem.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(), pulp.LpConstraintGE, "empty", side))
    assert solved(problem).outcome is outcome
    bare = pulp.LpProblem("bare")
    bare.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(), pulp.LpConstraintGE, "empty", side))
    assert solved(bare).outcome is outcome


def test_large_integers_keep_their_digits() -> None:
    """CBC's text solution has 8 digits, PuLP's model file 13; sizes in bytes have more."""
    problem = pulp.LpProblem("bytes")
    size = 123_456_789_012_347
    x = problem.add_variable("x", 0, None, pulp.LpContinuous)
    problem.setObjective(expression([(x, 1)]))
    problem.addConstraint(pulp.LpConstraint(expression([(x, 1)]), pulp.LpConstraintGE, "row", size))
    assert solved(problem).values == {"x": float(size)}


def test_small_differences_of_the_objective_count() -> None:
    """CBC's default increment of 1e-5 calls solutions optimal that are 1e-5 off."""
    problem = pulp.LpProblem("fine")
    chosen = [problem.add_variable(f"x{number}", cat=pulp.LpBinary) for number in range(12)]
    costs = [1e-5 + 7e-7 * (number * 5 % 12) for number in range(12)]
    problem.setObjective(expression(list(zip(chosen, costs, strict=True))))
    sizes = [3 + number % 5 for number in range(12)]
    left = expression(list(zip(chosen, sizes, strict=True)))
    problem.addConstraint(pulp.LpConstraint(left, pulp.LpConstraintGE, "row", 23))
    best = min(
        sum(cost for bit, cost in enumerate(costs) if mask >> bit & 1)
        for mask in range(1 << 12)
        if sum(size for bit, size in enumerate(sizes) if mask >> bit & 1) >= 23
    )
    assert solved(problem).objective == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("problem", [market_split(), knapsack()], ids=["no solution in time", "no proof in time"])
def test_deadline_of_a_second_holds(problem: pulp.LpProblem, temporary: Path) -> None:
    """Whoever gives a second gets an honest answer after a second, and no litter."""
    begin = time.monotonic()
    solution = solved(problem, 1.0)
    assert time.monotonic() - begin < 2.0
    assert list(temporary.iterdir()) == []
    assert solution.bound is not None
    if problem.name == "market":
        assert solution.outcome is Outcome.UNKNOWN
        assert solution.values == {}
        assert solution.objective is None
        assert all(variable.value() is None for variable in problem.variables())
    else:
        assert solution.outcome is Outcome.FEASIBLE
        assert problem.valid()
        assert solution.objective is not None
        assert solution.bound >= solution.objective > 0


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.06])
def test_deadline_that_is_over_at_once(seconds: float) -> None:
    """A deadline too short to start CBC is no error."""
    begin = time.monotonic()
    assert solved(knapsack(), seconds).outcome in (Outcome.UNKNOWN, Outcome.FEASIBLE)
    assert time.monotonic() - begin < 1.0


def test_gap_stops_early_with_a_bound_that_says_so() -> None:
    """A run that stopped at its gap looks optimal to PuLP; the bound tells."""
    solution = solved(knapsack(), gap=0.05)
    assert solution.outcome is Outcome.OPTIMAL
    assert solution.objective is not None
    assert solution.bound is not None
    assert solution.objective < solution.bound <= 1.05 * solution.objective


def test_gap_is_relative_to_the_objective_with_its_constant() -> None:
    """A constant in the objective makes the same gap wider or narrower."""
    problem = knapsack()
    problem.setObjective(problem.objective.copy() - 89_000)
    solution = solved(problem, 10.0, gap=0.7)
    assert solution.objective is not None
    assert solution.bound is not None
    assert solution.outcome is Outcome.OPTIMAL
    assert solution.bound - solution.objective <= 0.7 * solution.objective < 700


def test_same_seed_gives_the_same_answer() -> None:
    """Results must be repeatable; seed and threads must be taken."""
    problem = knapsack(3, 40)
    answers = [solved(problem, seed=seed, threads=threads) for seed, threads in ((5, 1), (5, 1), (2**31 - 1, 2))]
    assert answers[0].values == answers[1].values
    assert answers[2].outcome is Outcome.OPTIMAL
    assert answers[2].objective == answers[0].objective


def test_complete_start_is_never_lost() -> None:
    """An engine hands its incumbent over and must get it back, or better, in however little time."""
    problem = market_split()
    planted = {variable.name: float(number % 2) for number, variable in enumerate(problem.variables())}
    for row in problem.constraints():
        row.changeRHS(sum(coefficient * planted[variable.name] for variable, coefficient in row.items()))
    begun = CbcBackend().solve(problem, deadline=Deadline(0.5), settings=Settings(), start=planted)
    assert begun.found
    assert begun.objective is not None
    assert begun.objective <= 15
    stopped = CbcBackend().solve(problem, deadline=Deadline(0.045), settings=Settings(), start=planted)
    assert stopped.outcome is Outcome.FEASIBLE
    assert stopped.values == planted


def test_incomplete_start_is_completed() -> None:
    """CBC completes what an engine knows in part."""
    problem = choice()
    solution = CbcBackend().solve(problem, deadline=Deadline(20), settings=Settings(), start={"x": 2.0})
    assert solution.outcome is Outcome.OPTIMAL
    assert solution.objective == 4


def test_start_that_breaks_the_model_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """CBC has been seen to return wrong answers after such a start."""
    start = {"x": 0.0, "y": 0.0}
    solution = CbcBackend().solve(choice(), deadline=Deadline(20), settings=Settings(), start=start)
    assert solution.objective == 4
    assert "breaks the model" in caplog.text


def test_problem_is_left_as_it_was() -> None:
    """Engines solve one model again and again; PuLP's own solvers change it."""
    problem = choice(pulp.LpMaximize)
    before = problem.toDict()
    solved(problem)
    after = problem.toDict()
    for variable in (*before["variables"], *after["variables"]):
        variable.pop("varValue")
    assert before == after


def test_two_variables_of_one_name_are_refused() -> None:
    """Values by name would be ambiguous."""
    problem = pulp.LpProblem("twins")
    problem.setObjective(expression([(problem.add_variable("x"), 1), (problem.add_variable("x"), 2)]))
    with pytest.raises(ValueError, match="several variables of one name"):
        solved(problem)


@pytest.mark.parametrize("figure", [math.nan, math.inf])
def test_figures_that_are_not_finite_are_refused(figure: float) -> None:
    """CBC would read them as something else."""
    problem = choice()
    problem.setObjective(expression([(problem.variables()[0], figure)]))
    with pytest.raises(ValueError, match="not finite"):
        solved(problem)
    problem = choice()
    problem.addConstraint(
        pulp.LpConstraint(expression([(problem.variables()[0], figure)]), pulp.LpConstraintGE, "bad", 1)
    )
    with pytest.raises(ValueError, match="not finite"):
        solved(problem)


def test_missing_program_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The most common fault of an installation must be mended from its message alone."""
    with pytest.raises(BackendMissingError, match=r"no program at .*install it with"):
        CbcBackend(str(tmp_path / "nowhere" / "cbc"))
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BackendMissingError, match=r"neither bundled with PuLP nor on PATH; install it with"):
        CbcBackend()


def test_program_on_path_is_found_where_none_is_bundled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PuLP bundles no CBC for every platform."""
    fake_cbc(tmp_path / "cbc", "exit 1")
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert CbcBackend().name == "CBC 9.9"


def test_full_disk_while_writing_the_model(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """A full disk is the machine's fault, not the model's, and leaves no litter."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cbc, "write_model", full)
    with pytest.raises(BackendError, match="No space left on device"):
        solved(choice())
    assert list(temporary.iterdir()) == []


def test_no_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A temporary folder that is gone or read-only is named."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(BackendError, match="gone"):
        solved(choice())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("exit 3", "ended with exit code 3"),
        ("echo bad news; kill -SEGV $$", "killed by signal 11; it last said: bad news"),
        ("true", "no complete status.txt.*disk full"),
        ("echo 'Optimal - objective value 4' > status.txt", "no complete values.bin.*disk full"),
        ("echo 'Optimal - objective value 4' > status.txt; echo short > values.bin", "no complete values.bin"),
        ("echo 'Coin0008I MODEL read with 2 errors'; echo Optimal > status.txt", "2 errors in the model file"),
    ],
)
def test_failures_of_the_program_are_errors(body: str, message: str, tmp_path: Path, temporary: Path) -> None:
    """Crashes and half-written answers must not pass for answers."""
    with pytest.raises(BackendError, match=message):
        solved(choice(), path=fake_cbc(tmp_path / "cbc", body))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("Optimal - objective value 3.00000000", [1.49, 0.0]),
        ("Optimal - objective value 2.00000000", [1.0, 0.0]),
        ("Optimal - objective value 2.00000000", [9.0, 0.0]),
        ("Optimal - objective value 2.00000000", [math.nan, 0.0]),
        ("Stopped on time - objective value 3.00000000", [1.5, 0.0]),
        ("Stopped on time (no integer solution - continuous used) - objective value 3.00000000", [2.0, 0.0]),
    ],
    ids=["fractional", "breaks the row", "breaks a bound", "not a number", "stopped fractional", "no integer solution"],
)
def test_false_claims_become_unknown(header: str, values: list[float], tmp_path: Path) -> None:
    """Some versions call fractional or broken points optimal; nothing of that may reach a result."""
    solution = solved(choice(), path=answering_cbc(tmp_path / "cbc", header, values))
    assert solution.outcome is Outcome.UNKNOWN
    assert solution.values == {}


def test_bound_that_contradicts_the_solution_is_dropped(tmp_path: Path) -> None:
    """A bound above a known solution is wrong, so nothing is proved."""
    path = answering_cbc(
        tmp_path / "cbc", "Stopped on time - objective value 4", [2.0, 0.0], "Lower bound:                    5.000"
    )
    solution = solved(choice(), path=path)
    assert solution.outcome is Outcome.FEASIBLE
    assert solution.objective == 4
    assert solution.bound is None


def test_unheard_of_endings_prove_nothing(tmp_path: Path) -> None:
    """A version that says something new must not be read as one that says something known."""
    solution = solved(choice(), path=answering_cbc(tmp_path / "cbc", "Perhaps - objective value 4", [2.0, 0.0]))
    assert solution.outcome is Outcome.UNKNOWN


def test_infeasible_after_postprocessing_proves_nothing(tmp_path: Path) -> None:
    """It is on record as a wrong answer of CBC."""
    log = "Postprocessed model infeasible - possible tolerance issue - try without preprocessing"
    path = answering_cbc(tmp_path / "cbc", "Integer infeasible - objective value 4", [0.5, 0.0], log)
    assert solved(choice(), path=path).outcome is Outcome.UNKNOWN


def test_infeasible_in_spite_of_a_start_is_not_believed(tmp_path: Path) -> None:
    """A solution that keeps the model refutes every claim that there is none."""
    path = answering_cbc(tmp_path / "cbc", "Integer infeasible - objective value 4", [0.5, 0.0])
    assert solved(choice(), path=path).outcome is Outcome.INFEASIBLE
    start = {"x": 2.0, "y": 1.0}
    solution = CbcBackend(path).solve(choice(), deadline=Deadline(20), settings=Settings(), start=start)
    assert solution.outcome is Outcome.FEASIBLE
    assert solution.values == start


def test_values_a_hair_off_are_rounded(tmp_path: Path) -> None:
    """CBC's integers are integral within a tolerance; decoding must not see it."""
    path = answering_cbc(tmp_path / "cbc", "Optimal - objective value 4", [2.0000001, -1e-9])
    solution = solved(choice(), path=path)
    assert solution.outcome is Outcome.OPTIMAL
    assert solution.values == {"x": 2.0, "y": 0.0}


def test_rounding_that_breaks_a_row_is_mended(tmp_path: Path) -> None:
    """An integer a hair off lets a large allocation through; rounded, the allocation must follow."""
    problem = pulp.LpProblem("mended")
    x = problem.add_variable("x", cat=pulp.LpBinary)
    a = problem.add_variable("a", 0, 10)
    problem.setObjective(expression([(a, -1e-9)]))
    problem.addConstraint(pulp.LpConstraint(expression([(a, 1), (x, -1e6)]), pulp.LpConstraintLE, "row", 0))
    answer = answering_cbc(tmp_path / "answer", "Optimal - objective value -5e-9", [5.0, 5e-6])
    path = fake_cbc(
        tmp_path / "cbc", f"if grep -q INTORG model.mps; then exec '{answer}'; fi\nexec '{CbcBackend().path}' \"$@\""
    )
    solution = solved(problem, path=path)
    assert solution.values == {"a": 0.0, "x": 0.0}
    assert solution.outcome is Outcome.OPTIMAL


def test_crash_at_the_time_limit_is_a_stop(tmp_path: Path) -> None:
    """CBC 2.10.3 can die of signal 11 when its time is over at once; the start and the bound stay."""
    script = tmp_path / "cbc"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in *model.mps*) echo "Cbc0005I Partial search - best objective 9 (best possible 1.5), took 0"\n'
        'echo "Cbc0020I Exiting on maximum time"; kill -SEGV $$;; esac\n'
        'echo "Version: 2.10.3"\n'
    )
    script.chmod(0o755)
    problem = pulp.LpProblem("two", pulp.LpMinimize)
    x, y = (problem.add_variable(name, 0, 9, pulp.LpInteger) for name in "xy")
    problem += 2 * x + 3 * y
    problem += 2 * x + 2 * y >= 3
    solution = CbcBackend(str(script)).solve(
        problem, deadline=Deadline(20), settings=Settings(), start={"x": 2.0, "y": 0.0}
    )
    assert solution.outcome is Outcome.FEASIBLE
    assert solution.objective == 4
    assert solution.bound is not None
    assert 1 < solution.bound <= 1.5
