"""Tests of tables that fit the page."""

from __future__ import annotations

from io import StringIO

from rich.console import Console, RenderableType

from solver.reporting.tables import PAGE, Column, stacked, table


def printed(*parts: RenderableType) -> str:
    """Return what a page-wide console without colours prints."""
    stream = StringIO()
    console = Console(file=stream, width=PAGE, markup=False, emoji=False, highlight=False, color_system=None)
    for part in parts:
        console.print(part)
    return stream.getvalue()


def test_many_columns_are_stacked_and_none_is_lost() -> None:
    """Ten resources do not fit 80 columns side by side; every figure must still be there, whole."""
    keys = [Column("VM", ["a", "b"], name=True)]
    columns = [Column(f"resource-{n} (unit)", [f"{n}1111.5 (62.5 %)", f"{n}2222"]) for n in range(10)]
    text = printed(*stacked(keys, columns))
    for column in columns:
        assert column.title in text
        assert all(cell in text for cell in column.cells)
    assert max(map(len, text.splitlines())) <= PAGE


def test_a_long_name_continues_on_the_next_line() -> None:
    """A name that is cut short could be another VM's."""
    name = "a-very-long-name-of-a-virtual-machine-" * 3
    text = printed(*stacked([Column("VM", [name], name=True), Column("host", [name], name=True)], [Column("x", ["1"])]))
    assert "".join(line[:26].strip() for line in text.splitlines()[2:]) == name
    assert "…" not in text


def test_a_table_without_columns_beside_its_keys_is_still_a_table() -> None:
    """A placement without allocation has hosts to show."""
    assert "VM" in printed(*stacked([Column("VM", ["a"], name=True)], []))


def test_figures_are_never_broken_over_lines() -> None:
    """Half a number is a wrong number."""
    text = printed(table([Column("x", ["1" * 60]), Column("sentence", ["words " * 30], prose=True)]))
    assert "1" * 60 in text
