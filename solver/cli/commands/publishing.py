"""``placewright schema`` and ``placewright example``: what files look like."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from solver.cli.exits import Exit
from solver.cli.options import FILE, command, writable
from solver.cli.session import Session
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType


@command("schema")
@click.argument("kind", type=click.Choice(["instance", "result"]))
def schema_command(session: Session, *, kind: Literal["instance", "result"]) -> Exit:
    """Print the JSON Schema of instance or result files."""
    from solver.inventories import instance_schema, result_schema
    from solver.reporting.documents import encoded

    session.write(encoded(instance_schema() if kind == "instance" else result_schema()).decode())
    return Exit.ANSWER


@command("example")
@click.argument("name", required=False)
@click.option("--output", "-o", type=FILE, help="Write to this file instead of standard output.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def example_command(session: Session, *, name: str | None, output: Path | None, force: bool) -> Exit:
    """List the bundled examples, or write the one called NAME."""
    from solver.examples import example_names, example_text

    if name is None:
        if output is not None:
            raise click.UsageError(f"which example? One of {', '.join(example_names())}")
        session.print(_examples())
        return Exit.ANSWER
    text = example_text(name)
    if output is None:
        session.write(text)
    else:
        _write_example(output, text.encode(), force=force)
    return Exit.ANSWER


def _write_example(output: Path, content: bytes, *, force: bool) -> None:
    """Write an example, but never over something else without being told to."""
    writable(output, "--output")
    if output.exists() and not force and output.read_bytes() != content:
        raise click.BadParameter(f"{output} exists and differs; --force replaces it", param_hint="--output")
    write_bytes(output, content)


def _examples() -> RenderableType:
    from solver.examples import example_names, example_text
    from solver.reporting.tables import Column, table

    names = example_names()
    return table(
        [
            Column("example", names, name=True),
            Column("what it shows", [_purpose(example_text(n)) for n in names], prose=True),
        ]
    )


def _purpose(text: str) -> str:
    """Return the first sentence of the comment that an example opens with."""
    lines = [line.lstrip("#").strip() for line in takewhile(lambda line: line.startswith("#"), text.splitlines())]
    paragraph = " ".join(takewhile(bool, lines))
    return paragraph.partition(". ")[0].removesuffix(".")
