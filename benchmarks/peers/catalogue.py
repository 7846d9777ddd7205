"""Which peers there are, at which versions, and what each is given."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.environment import Environment
from formulations.errors import InputError

LAUNCH = Path(__file__).with_name("launch.py")

PULP = "PuLP==3.3.2"
HIGHS = ("highspy==1.15.1", "numpy==2.4.6")

ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment("pulp", (PULP,)),
        Environment("highs", HIGHS),
        Environment(
            "ortools",
            (
                "ortools==9.15.6755",
                "absl-py==2.5.1",
                "immutabledict==4.3.1",
                "numpy==2.4.6",
                "pandas==3.1.1",
                "protobuf==6.33.6",
                "python-dateutil==4.0.0",
                "typing_extensions==4.16.0",
                "tzdata==2026.6",
            ),
        ),
        Environment(
            "vpsolver",
            ("pyvpsolver==3.1.4", PULP, *HIGHS),
            build=("setuptools==69.5.1", "wheel==0.45.1"),  # newer setuptools no longer build it
            programs=("g++",),
        ),
        Environment("rebalancer", ("rebalancer==1.0.4",), python=(12, 14)),
        Environment("timefold", ("timefold==1.24.0b0", "JPype1==1.5.1", "packaging==26.3"), programs=("java",)),
    )
}


@dataclass(frozen=True)
class Peer:
    """Another solver on the counted question.

    Parameters
    ----------
    name, what : str
        ``what`` says in one sentence which model and solver it is.
    given : str
        What it is helped with: symmetry breaking, a first answer, settings.
    environment : Environment
    script, variant : str
        What runs in the environment.
    """

    name: str
    what: str
    given: str
    environment: Environment
    script: str
    variant: str = ""

    def command(self, problem: Path, seconds: float, output: Path, seed: int = 0) -> list[str]:
        """Return the command line that reads the problem and writes the answer."""
        variant = ["--variant", self.variant] if self.variant else []
        files = [str(problem), repr(seconds), str(output)]
        return [str(self.environment.interpreter), str(LAUNCH), self.script, *files, "--seed", str(seed), *variant]

    def absent(self) -> str | None:
        """Return why it cannot be run here, or None."""
        return "needs Linux or macOS" if sys.platform == "win32" else self.environment.absent()


_FIRST = "first-fit decreasing as the first answer and as the bound on hosts"

PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "cbc-assignment",
            "the assignment model x[i,j], y[j] in PuLP, solved by CBC",
            f"hosts that are alike ordered by y; {_FIRST}",
            ENVIRONMENTS["pulp"],
            "cbc_assignment",
            "plain",
        ),
        Peer(
            "onedrs",
            "the model of OpenNebula's scheduler OneDRS under its packing policy, in PuLP, solved by CBC",
            "rows x <= y, VMs may stay pending at 1.1 hosts each; hosts of first-fit decreasing, no first answer",
            ENVIRONMENTS["pulp"],
            "cbc_assignment",
            "onedrs",
        ),
        Peer(
            "highs-assignment",
            "the assignment model x[i,j], y[j], solved by HiGHS",
            f"hosts that are alike ordered by y, HiGHS's own detection of symmetry; {_FIRST}",
            ENVIRONMENTS["highs"],
            "highs_assignment",
        ),
        Peer(
            "cpsat-assignment",
            "the assignment model x[i,j], y[j], solved by OR-Tools CP-SAT",
            f"hosts that are alike ordered by y, CP-SAT's own detection of symmetry, one worker; {_FIRST}",
            ENVIRONMENTS["ortools"],
            "cpsat",
            "plain",
        ),
        Peer(
            "cpsat-counted",
            "an integer per flavour and host, solved by OR-Tools CP-SAT",
            f"hosts that are alike ordered by y, rows for the totals, one worker; {_FIRST}",
            ENVIRONMENTS["ortools"],
            "cpsat",
            "counted",
        ),
        Peer(
            "vpsolver-cbc",
            "VPSolver's compressed arc-flow model, solved by CBC",
            "counted, no symmetry left; CBC with the options of VPSolver's own script",
            ENVIRONMENTS["vpsolver"],
            "arcflow",
            "cbc",
        ),
        Peer(
            "vpsolver-highs",
            "VPSolver's compressed arc-flow model, solved by HiGHS",
            "counted, no symmetry left",
            ENVIRONMENTS["vpsolver"],
            "arcflow",
            "highs",
        ),
        Peer(
            "rebalancer-highs",
            "Meta's Rebalancer: capacity constraints, few containers, its optimal solver on HiGHS",
            f"its own counting of equal VMs; {_FIRST}",
            ENVIRONMENTS["rebalancer"],
            "rebalancer",
            "optimal",
        ),
        Peer(
            "rebalancer-local",
            "Meta's Rebalancer: capacity constraints, few containers, its local search by moves and swaps",
            f"its own counting of equal VMs; {_FIRST}",
            ENVIRONMENTS["rebalancer"],
            "rebalancer",
            "local",
        ),
        Peer(
            "timefold",
            "Timefold Solver (Python edition): the constraints of cloud balancing, its default local search",
            _FIRST,
            ENVIRONMENTS["timefold"],
            "timefold",
        ),
    )
}

NOT_COMPARED = {
    "proxlb-solver": "balances load over given hosts; it has no objective for the hosts in use",
    "btrplace": "answers with the quickest plan that repairs a placement; it has no objective for the hosts in use",
}
"""Solvers of placement that ask another question."""


def peer_named(name: str) -> Peer:
    """Return the peer of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in PEERS:
        raise InputError(f"no peer is called {name!r}; expected one of {', '.join(PEERS)}")
    return PEERS[name]


def environments_of(names: Sequence[str]) -> list[Environment]:
    """Return the environments of peers or of that name, each once; all of them for no name."""
    chosen = [ENVIRONMENTS[name] if name in ENVIRONMENTS else peer_named(name).environment for name in names]
    return list(dict.fromkeys(chosen or ENVIRONMENTS.values()))
