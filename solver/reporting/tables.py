"""Tables that fit the page: columns side by side as far as they go, names never cut short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

PAGE = 80
"""Columns that a table for people keeps to."""

WIDEST_NAME = 26
"""A longer name continues on the next line."""

MOST_MEASURED = 200
"""Rows up to which a table is left to rich, which measures and wraps every cell."""

GUTTER = 3
"""Room between two columns."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title : str
    cells : sequence of str
    name : bool
        Whether the cells are names, which continue on the next line where they are long;
        otherwise they are figures, which are never broken.
    prose : bool
        Whether the cells are sentences, which take what room there is.
    """

    title: str
    cells: Sequence[str]
    name: bool = False
    prose: bool = False

    @cached_property
    def width(self) -> int:
        """The room that the column asks for."""
        widest = max((len(text) for text in (self.title, *self.cells)), default=0)
        return min(widest, WIDEST_NAME) if self.name else widest


def stacked(keys: Sequence[Column], columns: Sequence[Column]) -> Iterator[RenderableType]:
    """Yield tables that each start with the key columns and hold as many others as fit the page."""
    taken = sum(key.width + GUTTER for key in keys)
    block: list[Column] = []
    used = taken
    for column in columns:
        if block and used + column.width + GUTTER > PAGE:
            yield table([*keys, *block])
            block, used = [], taken
        block.append(column)
        used += column.width + GUTTER
    if block or not columns:
        yield table([*keys, *block])


def table(columns: Sequence[Column]) -> RenderableType:
    """Return one table of all the columns; long ones are laid out at once, in the same form."""
    if len(columns[0].cells) > MOST_MEASURED and not any(column.prose for column in columns):
        return Text("\n".join(_laid_out(columns)), no_wrap=True, overflow="ignore")
    built = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="bold")
    for column in columns:
        built.add_column(
            column.title,
            justify="left" if column.name or column.prose else "right",
            overflow="fold",
            no_wrap=not (column.name or column.prose),
            max_width=WIDEST_NAME if column.name else None,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        built.add_row(*row)
    return built


def _laid_out(columns: Sequence[Column]) -> Iterator[str]:
    """Yield the lines of a table without measuring every cell again."""
    yield _line(columns, [column.title for column in columns])
    yield "─" * sum(column.width + GUTTER for column in columns)
    for row in zip(*(column.cells for column in columns), strict=True):
        rest: Sequence[str] = row
        while any(rest):
            yield _line(columns, [text[: column.width] for column, text in zip(columns, rest, strict=True)])
            rest = [text[column.width :] for column, text in zip(columns, rest, strict=True)]


def _line(columns: Sequence[Column], texts: Sequence[str]) -> str:
    cells = (
        text.ljust(column.width) if column.name else text.rjust(column.width)
        for column, text in zip(columns, texts, strict=True)
    )
    return (" " * GUTTER).join(cells).rstrip()
