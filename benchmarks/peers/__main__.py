"""Peers from the command line: ``python -m benchmarks.peers list``, ``setup``, ``run``."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import click

from benchmarks.peers.catalogue import NOT_COMPARED, PEERS, environments_of, peer_named
from benchmarks.peers.environment import SetupError
from formulations.errors import InputError


@click.group()
def main() -> None:
    """Other solvers on the same instances, each in its own environment."""


@main.command("list")
def list_peers() -> None:
    """Say which peers can be run here, and why others are skipped."""
    width = max(map(len, [*PEERS, *NOT_COMPARED]))
    for peer in PEERS.values():
        reason = peer.absent()
        click.echo(f"{peer.name:{width}}  {'available' if reason is None else f'skipped: {reason}'}")
        click.echo(f"{'':{width}}  {peer.what}; given: {peer.given}")
    for name, reason in NOT_COMPARED.items():
        click.echo(f"{name:{width}}  not compared: {reason}")


@main.command()
@click.argument("names", nargs=-1)
@click.option("--python", help="The interpreter to make the environments with.")
def setup(names: tuple[str, ...], python: str | None) -> None:
    """Make the environments of peers (all without NAMES); those that cannot be made are named at the end."""
    try:
        chosen = environments_of(names)
    except InputError as error:
        raise click.UsageError(str(error)) from error
    failed = []
    for environment in chosen:
        click.echo(f"{environment.name}: installing {', '.join(environment.packages)}")
        try:
            environment.set_up(python)
        except SetupError as error:
            failed.append(str(error))
    if failed:
        raise click.ClickException("\n".join(failed))


@main.command()
@click.argument("name")
@click.argument("problem", type=click.Path(exists=True, path_type=Path))
@click.option("--seconds", type=float, default=60.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def run(name: str, problem: Path, seconds: float, seed: int) -> None:
    """Run the peer NAME on a packing file and print its answer as it gave it."""
    try:
        peer = peer_named(name)
    except InputError as error:
        raise click.UsageError(str(error)) from error
    if (reason := peer.absent()) is not None:
        raise click.ClickException(f"{name}: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "answer.json"
        done = subprocess.run(peer.command(problem.resolve(), seconds, output, seed), check=False)  # noqa: S603
        if not output.exists():
            raise click.ClickException(f"{name} ended with {done.returncode} and no answer")
        click.echo(json.dumps(json.loads(output.read_text(encoding="utf-8")), indent=1))


if __name__ == "__main__":
    main()
