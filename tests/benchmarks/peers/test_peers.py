"""Every peer that can be run here answers in the form that the benchmark's judge reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.judging import judge_packing
from benchmarks.measuring import Task, measure
from benchmarks.peers import catalogue
from benchmarks.peers.catalogue import ENVIRONMENTS, PEERS, Peer, environments_of, peer_named
from benchmarks.peers.subjects import subject_of
from benchmarks.problems import write_problem
from benchmarks.protocol import Answer, Limits
from benchmarks.subjects import SUBJECTS, Run
from formulations.errors import InputError
from formulations.vector_packing import VectorPacking
from tests.benchmarks.fakes import BOASTER, FORGETFUL, tiny_case
from tests.benchmarks.peers.cases import Here, impossible, one_type, two_types, written

HERE = Here("here", ())
LOCAL = {
    name: Peer(name, PEERS[name].what, PEERS[name].given, HERE, PEERS[name].script, PEERS[name].variant)
    for name in ("cbc-assignment", "onedrs", "highs-assignment")
}
"""Peers whose packages placewright needs itself: always tried."""


def answer_of(peer: Peer, problem: VectorPacking, folder: Path, seconds: float = 5.0) -> Answer:
    """Run a peer; what it prints goes with the failure."""
    if (reason := peer.absent()) is not None:
        pytest.skip(f"{peer.name}: {reason}")
    output = folder / "answer.json"
    command = peer.command(written(problem, folder), seconds, output)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
    assert output.exists(), done.stderr
    return Answer.read(output)


def assert_sound(answer: Answer, problem: VectorPacking, optimum: float) -> None:
    """Check that claims hold, and that what is packed is worth what is claimed."""
    judgement = judge_packing(problem, answer)
    assert judgement.verified, (judgement.fault, answer.message)
    assert judgement.value is not None
    assert judgement.value == answer.value
    assert judgement.value >= optimum
    assert answer.bound is None or answer.bound <= optimum + 1e-6
    assert answer.trace
    assert answer.trace[-1][1] == answer.value
    assert answer.seconds is not None
    assert len(answer.versions) >= 2
    if answer.status == "OPTIMAL":
        assert judgement.value == optimum
    else:
        assert answer.status == "FEASIBLE"


@pytest.mark.parametrize("name", LOCAL)
def test_peers_prove_the_fewest_hosts(name: str, tmp_path: Path) -> None:
    """Models that are exact prove a small problem, from any working folder."""
    answer = answer_of(LOCAL[name], one_type(), tmp_path, seconds=20)
    assert_sound(answer, one_type(), 5)
    assert answer.status == "OPTIMAL"


@pytest.mark.parametrize("name", ["cbc-assignment", "highs-assignment"])
def test_peers_prove_the_least_cost(name: str, tmp_path: Path) -> None:
    """Types, costs and limits reach the peers."""
    answer = answer_of(LOCAL[name], two_types(), tmp_path, seconds=20)
    assert_sound(answer, two_types(), 50)
    assert answer.status == "OPTIMAL"


@pytest.mark.parametrize("name", ["cbc-assignment", "highs-assignment"])
def test_peers_say_that_there_is_no_packing(name: str, tmp_path: Path) -> None:
    """An infeasible problem is no crash."""
    answer = answer_of(LOCAL[name], impossible(), tmp_path)
    assert (answer.status, answer.value, answer.patterns) == ("INFEASIBLE", None, None)


def test_what_a_model_does_not_cover_is_said(tmp_path: Path) -> None:
    """OneDRS counts hosts, so unequal costs are refused and not solved as if they were equal."""
    answer = answer_of(LOCAL["onedrs"], two_types(), tmp_path)
    assert answer.status == "UNKNOWN"
    assert "unequal cost" in answer.message


SLOW = ("cpsat-assignment", "vpsolver-cbc", "rebalancer-local", "timefold")
"""Left to campaigns: another peer shares their environment, or they compile for long."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.campaign if name in SLOW else ()) for name in PEERS if name not in LOCAL],
)
def test_peers_in_environments_of_their_own(name: str, tmp_path: Path) -> None:
    """Whatever is set up here solves a small problem soundly."""
    assert_sound(answer_of(PEERS[name], two_types(), tmp_path), two_types(), 50)


def test_a_limit_too_short_to_build_in_is_an_answer(tmp_path: Path) -> None:
    """A peer that runs out of time says so, rather than being ended without a word."""
    answer = answer_of(LOCAL["cbc-assignment"], one_type(), tmp_path, seconds=0.0)
    assert (answer.status, answer.value) == ("UNKNOWN", None)
    assert "limit" in answer.message


def test_every_peer_is_a_subject() -> None:
    """Peers are measured and judged like placewright itself."""
    assert set(PEERS) <= set(SUBJECTS)
    peer = LOCAL["onedrs"]
    run = Run(Path("problem.json"), Path("answer.json"), 2.5, 7)
    assert subject_of(peer).command(run) == peer.command(run.problem, 2.5, run.answer, 7)


def test_a_peer_is_measured_and_its_proof_counts_as_a_solver_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Floats of a peer never count as an exact proof."""
    monkeypatch.setitem(SUBJECTS, "tried", subject_of(LOCAL["highs-assignment"]))
    record = measure(Task(problem=write_problem(tiny_case(), tmp_path), subject="tried", limits=Limits(seconds=10)))
    assert (record.status, record.value, record.bound, record.verified) == ("OPTIMAL", 3, 3, True), record.message
    assert record.proof == "solver"
    assert "highspy" in record.versions


@pytest.mark.parametrize(("program", "verified"), [(FORGETFUL, False), (BOASTER, True)])
def test_a_peer_that_lies_is_caught(
    program: str, verified: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leaves items out is marked, and who claims less than the hosts cost gets what they cost."""
    script = tmp_path / "liar.py"
    script.write_text(f"import sys\nsys.argv = ['', sys.argv[2], sys.argv[4]]\n{program}", encoding="utf-8")
    monkeypatch.setattr(catalogue, "LAUNCH", script)
    monkeypatch.setitem(SUBJECTS, "liar", subject_of(Peer("liar", "lies", "nothing", HERE, "liar")))
    record = measure(Task(problem=write_problem(tiny_case(), tmp_path), subject="liar", limits=Limits(seconds=10)))
    assert record.status == "OPTIMAL"
    assert record.verified is verified
    assert record.proof == ""
    assert (record.value, "judge" in record.message) == ((5, False) if verified else (None, True))


def test_scripts_need_nothing_of_placewright() -> None:
    """Peers' environments have no numba, msgspec or HiGHS of ours: scripts may import themselves and the peer."""
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from benchmarks.peers.scripts import arcflow, cbc, exchange, greedy, layout\n"
        "known = set(sys.stdlib_module_names) | {'benchmarks', '__main__'}\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} - known))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.split() == []


def test_unknown_names_are_refused() -> None:
    """A typing error is answered with what there is."""
    with pytest.raises(InputError, match="cbc-assignment"):
        peer_named("cbc")


def test_environments_of_peers_come_once() -> None:
    """Peers share environments, and no name means all."""
    assert environments_of(["onedrs", "cbc-assignment", "highs"]) == [ENVIRONMENTS["pulp"], ENVIRONMENTS["highs"]]
    assert environments_of([]) == list(ENVIRONMENTS.values())
