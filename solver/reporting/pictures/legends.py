"""Legends: what the marks and colours of a picture mean, at its lower edge."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from solver.reporting.pictures.canvas import FAINT, INK, SMALL, literal, text_inches
from solver.reporting.pictures.overview import ASKED, GIVEN, RESERVED
from solver.reporting.pictures.palette import Palette

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

LINE = 0.24
"""Inches that one line of a legend takes."""


def bars_legend() -> list[Artist]:
    """Return what explains stacked bars."""
    return [
        _patch("capacity", facecolor="none", edgecolor=INK),
        _patch("what a VM gets", facecolor="#c4c4c4"),
        _patch("of it reserved", facecolor="#555555"),
        _mark("sum of reservations", "^", INK, 3.4),
        _mark("sum of limits", "^", "white", 4.2),
        _mark("sum of limits beyond the picture", ">", "white", 4.2),
    ]


def members_legend(*, unlimited: bool) -> list[Artist]:
    """Return what explains bars of single VMs."""
    marks = [
        _patch("capacity", facecolor="none", edgecolor=INK),
        _patch("what a VM gets", facecolor=FAINT),
        _mark("reservation and limit", "|", INK, 9),
        _mark("demand", "D", "white", 4),
    ]
    return [*marks, _mark("no limit within the picture", ">", INK, 4)] if unlimited else marks


def profile_legend() -> list[Artist]:
    """Return what explains the profiles of an overview."""
    return [
        _patch("reserved", facecolor=RESERVED),
        _patch("given", facecolor=GIVEN),
        _line("expected demand", ASKED),
        _line("capacity", INK),
    ]


def palette_legend(palette: Palette) -> list[Artist]:
    """Return what the colours of VMs stand for, if anything."""
    return [_patch(literal(key), facecolor=colour) for key, colour in palette.legend]


def print_legend(figure: Figure, handles: list[Artist], bottom: float, *, centre: float = 0.5) -> None:
    """Print one line of a legend at a height in inches."""
    if handles:
        labels = [f" {handle.get_label()}" for handle in handles]  # matplotlib hides labels that begin with _
        figure.legend(
            handles=handles,
            labels=labels,
            loc="lower center",
            bbox_to_anchor=(centre, bottom / figure.get_size_inches()[1]),
            ncols=len(handles),
            fontsize=SMALL,
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=1.2,
            handletextpad=0.2,
            columnspacing=1.3,
        )


def fitting(handles: list[Artist], inches: float) -> list[Artist]:
    """Return all handles if they fit into one line, otherwise none."""
    wide = sum(text_inches(str(handle.get_label()), SMALL) + 0.36 for handle in handles)
    return handles if wide <= inches else []


def _patch(label: str, **style: Any) -> Artist:
    patch: Artist = import_module("matplotlib.patches").Patch(label=label, **style)
    return patch


def _line(label: str, colour: str) -> Artist:
    line: Artist = import_module("matplotlib.lines").Line2D([], [], color=colour, linewidth=1.2, label=label)
    return line


def _mark(label: str, style: str, face: str, size: float) -> Artist:
    mark: Artist = import_module("matplotlib.lines").Line2D(
        [], [], linestyle="", marker=style, color=INK, markerfacecolor=face, markersize=size, label=label
    )
    return mark
