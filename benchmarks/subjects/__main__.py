"""Runs one of placewright's own subjects: ``python -m benchmarks.subjects NAME PROBLEM --output ANSWER``."""

from __future__ import annotations

import traceback
from pathlib import Path

import click

from benchmarks.protocol import Answer
from benchmarks.subjects.base import SOLVERS
from formulations.errors import UnsupportedError
from solver.cli.commands.solving import ending_on_request


@click.command()
@click.argument("name", type=click.Choice(sorted(SOLVERS)))
@click.argument("problem", type=click.Path(exists=True, path_type=Path))
@click.option("--seconds", type=float, default=60.0, show_default=True, help="For solving.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Where the answer goes.")
def main(name: str, problem: Path, seconds: float, seed: int, output: Path) -> None:
    """Solve PROBLEM as the subject NAME does."""
    with ending_on_request():
        try:
            answer = SOLVERS[name](problem, seconds, seed)
        except UnsupportedError as error:  # no crash: the subject says that this is not for it
            answer = Answer(status="UNKNOWN", message=str(error))
        except Exception as error:
            Answer(status="CRASHED", message=f"{type(error).__name__}: {error}").write(output)
            traceback.print_exc()
            raise SystemExit(1) from error
    answer.write(output)


if __name__ == "__main__":
    main()
