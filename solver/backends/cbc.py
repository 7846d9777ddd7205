"""CBC, the solver that comes with PuLP."""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pulp

from solver.backends import cbc_files
from solver.backends.base import BackendInterrupted, Outcome, Settings, Solution
from solver.backends.cbc_process import run
from solver.backends.claims import Claim, Ending, settled, trivial
from solver.backends.matrix import Matrix
from solver.backends.mps import write_model, write_start
from solver.deadline import Deadline
from solver.errors import BackendError, BackendMissingError

logger = logging.getLogger("placewright")

_NO_RELAXATION = "Linear relaxation infeasible"
"""In CBC's log."""

_READING = 0.05
"""Seconds kept back from CBC for reading its answer."""

_STOPPING = 0.1
"""Part of its time, up to a second, kept back from CBC for stopping: it looks at its limit between steps."""

_LEAST = 0.1
"""Seconds without which CBC is not started at all."""

_FINEST = 1e-9
"""CBC's own default, 1e-5, calls a solution optimal that is 1e-5 off; this is as fine as floats allow."""


class CbcBackend:
    """CBC, one process per run.

    A run has its own temporary folder, removed at its end, and its own session, so that a
    terminal's Ctrl-C reaches Python alone; Python then asks CBC for its incumbent and raises
    `BackendInterrupted`. What CBC answers is checked against the model in floats before it counts,
    and its bound is read from the log (rounded down by what printing may have rounded up).

    Parameters
    ----------
    path : str, optional
        The program. By default the one that PuLP bundles, else ``cbc`` on PATH.

    Attributes
    ----------
    path : str

    Raises
    ------
    BackendMissingError
        If there is no such program.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = _found(path)

    @property
    def name(self) -> str:
        """Name and version, such as ``CBC 2.10.3``."""
        return f"CBC {_version(self.path)}"

    def solve(
        self,
        problem: pulp.LpProblem,
        *,
        deadline: Deadline,
        settings: Settings,
        start: Mapping[str, float] | None = None,
    ) -> Solution:
        """Solve a model; see `Backend.solve`.

        A complete start that keeps the model is returned if CBC finds nothing better; an
        incomplete one is handed to CBC to complete; a complete one that breaks the model is
        not used. A seed of 0 means CBC's own defaults.
        """
        clock = Deadline(math.inf, deadline.clock)
        solution, interrupted = self._solution(problem, deadline, settings, start)
        solution = dataclasses.replace(solution, seconds=clock.elapsed, backend=self.name)
        if interrupted:
            raise BackendInterrupted(solution)
        return solution

    def _solution(
        self, problem: pulp.LpProblem, deadline: Deadline, settings: Settings, start: Mapping[str, float] | None
    ) -> tuple[Solution, bool]:
        """Convert, solve and judge; the second result says whether there was a Ctrl-C."""
        matrix = Matrix.of(problem, deadline)
        if matrix is None:
            return Solution(Outcome.UNKNOWN), False
        known = None if start is None else matrix.vector(start)
        if known is not None:
            start = matrix.named(known)
        elif start is not None and all(name in start for name in matrix.names):
            logger.warning("the start given to %s breaks the model %s; it is not used", self.name, problem.name)
            start = None
        answer = self._claim(matrix, deadline, settings, start)

        def solve(some: Matrix) -> Claim:
            return self._again(some, deadline, settings)

        solution = settled(solve, matrix, settings.gap, answer, known)
        matrix.assign(solution.values)
        return solution, answer.interrupted

    def _again(self, matrix: Matrix, deadline: Deadline, settings: Settings) -> Claim:
        """Run CBC on a model derived from the caller's, whose answer alone is of no use after a Ctrl-C."""
        answer = self._claim(matrix, deadline, settings, None)
        if answer.interrupted:
            raise BackendInterrupted(Solution(Outcome.UNKNOWN))
        return answer

    def _claim(
        self, matrix: Matrix, deadline: Deadline, settings: Settings, start: Mapping[str, float] | None
    ) -> Claim:
        """Run CBC once in a temporary folder."""
        known = trivial(matrix)
        if known is not None:
            return known
        try:
            with tempfile.TemporaryDirectory(prefix="placewright-") as folder:
                return self._run(matrix, Path(folder), deadline, settings, start)
        except TimeoutError:
            return Claim(Ending.STOPPED)
        except OSError as error:
            raise BackendError(
                f"cannot hand the model to CBC in {tempfile.gettempdir()}: {error.strerror or error}"
            ) from error

    def _run(
        self,
        matrix: Matrix,
        folder: Path,
        deadline: Deadline,
        settings: Settings,
        start: Mapping[str, float] | None,
    ) -> Claim:
        """Write the model, run CBC and read what it left."""
        write_model(matrix, folder / "model.mps", deadline)
        if start:
            write_start(matrix, start, folder / "start.sol")
        if deadline.left <= _LEAST:
            return Claim(Ending.STOPPED)
        command = [self.path, "model.mps", *_options(matrix, deadline, settings)]
        command += ["-mipstart", "start.sol"] if start else []
        # in this order: -saveSolution alone crashes CBC 2.10.3 on some infeasible models
        command += ["-solve", "-solution", "status.txt", "-saveSolution", "values.bin"]
        ended = run(command, folder, deadline)
        if _NO_RELAXATION in ended.log and not ended.interrupted:
            # CBC 2.10.3 calls some feasible linear programs infeasible: ask its primal simplex, without presolve
            ended = run([*command[:-5], "-presolve", "off", "-primalsimplex", *command[-5:]], folder, deadline)
        # CBC 2.10.3 can crash when its time is over before the first node: that is a stop, too
        crashed_at_limit = ended.code < 0 and cbc_files.stopped_by_limit(ended.log)
        if ended.killed or crashed_at_limit:
            answer = Claim(Ending.STOPPED, bound=cbc_files.bound(ended.log))
        elif ended.code != 0:
            raise BackendError(f"{self.name} {_death(ended.code)}; it last said: {_last_words(ended.log)}")
        else:
            answer = _read(ended.log, folder, matrix)
        return dataclasses.replace(answer, interrupted=ended.interrupted)


def _read(log: str, folder: Path, matrix: Matrix) -> Claim:
    """Return what CBC claims in its log and files."""
    cbc_files.check_log(log)
    header = cbc_files.read_header(folder / "status.txt")
    answer = cbc_files.claim(log, header, cbc_files.read_values(folder / "values.bin", matrix))
    # "infeasible" is "infeasible or unbounded" of some steps, which matters only where costs can fall for ever
    if answer.ending is Ending.INFEASIBLE and matrix.falls.any():
        return dataclasses.replace(answer, ending=Ending.UNBOUNDED)
    return answer


def _options(matrix: Matrix, deadline: Deadline, settings: Settings) -> list[str]:
    """Return CBC's options, in its own words."""
    # CBC takes its ratio of the larger of value and bound; ours is of the value
    options = ["-ratioGap", repr(settings.gap / (1 + settings.gap)), "-increment", repr(_increment(matrix))]
    if settings.seed:
        options += ["-randomSeed", str(settings.seed), "-randomCbcSeed", str(settings.seed)]
    if settings.threads > 1 and matrix.is_integer:
        options += ["-threads", str(settings.threads)]
    if settings.nodes is not None and matrix.is_integer:
        options += ["-maxNodes", str(settings.nodes)]
    if not math.isinf(deadline.left):
        left = deadline.left
        seconds = max(0.01, left - max(_READING, min(1.0, _STOPPING * left)))
        options += ["-timeMode", "elapsed", "-sec", f"{seconds:.3f}"]
    return options


def _increment(matrix: Matrix) -> float:
    """Return by how much a solution must be better to be of interest.

    If only integer variables cost something, and all in multiples of one figure, that is the
    figure itself, less a hair; else next to nothing.
    """
    costs = np.abs(matrix.cost[matrix.cost != 0])
    if matrix.integer[matrix.cost != 0].all() and len(costs):
        for scale in (1.0, 10.0, 100.0, 1000.0):
            scaled = np.round(costs * scale)
            if scaled.max() < 2**53 and (np.abs(costs * scale - scaled) <= 1e-12 * scaled).all():
                return 0.999 * float(np.gcd.reduce(scaled.astype(np.int64))) / scale
    return _FINEST


def _found(path: str | None) -> str:
    """Return the path of CBC: given, bundled with PuLP, or on PATH."""
    install = "install it with `pip install 'pulp<4'`, or as coinor-cbc from your system's packages"
    if path is not None:
        given = shutil.which(path)
        if given is None:
            raise BackendMissingError(
                f"there is no program at {path} to solve with; give the path of CBC, or {install}"
            )
        return str(Path(given).absolute())
    bundled = getattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", None)
    found = (shutil.which(bundled) if bundled else None) or shutil.which("cbc")
    if found is None:
        raise BackendMissingError(f"CBC is neither bundled with PuLP nor on PATH; {install}")
    return str(Path(found).resolve())


@functools.cache
def _version(path: str) -> str:
    """Return the version that a CBC states, or ``(version unknown)``."""
    try:
        said = subprocess.run(  # noqa: S603 - the path of CBC is the user's choice
            [path, "-stop"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10,
            check=False,
            start_new_session=True,
        ).stdout
    except OSError as error:
        raise BackendMissingError(f"{path} cannot be run: {error.strerror or error}") from error
    except subprocess.TimeoutExpired:
        said = ""
    match = re.search(r"^Version:\s*(\S+)", said, re.MULTILINE)
    return match.group(1) if match else "(version unknown)"


def _death(code: int) -> str:
    """Return in words how a process ended that did not end well."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _last_words(log: str) -> str:
    """Return the last line of a log."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
