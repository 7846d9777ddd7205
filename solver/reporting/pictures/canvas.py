"""Canvases: matplotlib on demand, layouts in inches, and files that are whole or not there."""

from __future__ import annotations

import contextlib
import warnings
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from formulations.errors import InputError, PlacewrightError
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")

SMALL, NORMAL, LARGE = 7.5, 9.0, 11.5
"""Font sizes in points."""

INK = "#222222"
FAINT = "#8a8a8a"
ALARM = "#c1121f"

LETTER_WIDTH = 0.56
"""Mean width of a letter of the default font, in units of the font size."""


def blank_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, bound to no screen.

    Raises
    ------
    PlacewrightError
        If matplotlib is not installed; the message says how to install it.
    """
    try:
        module = import_module("matplotlib.figure")
    except ImportError as error:
        raise PlacewrightError("pictures need matplotlib: pip install 'placewright[plot]'") from error
    figure: Figure = module.Figure(figsize=(width, height), facecolor="white")
    return figure


def panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return axes at a place in inches from the lower left corner of the figure."""
    whole_width, whole_height = figure.get_size_inches()
    axes = figure.add_axes((left / whole_width, bottom / whole_height, width / whole_width, height / whole_height))
    axes.tick_params(labelsize=SMALL, color=FAINT, labelcolor=INK, length=2.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    return axes


def owner(axes: Axes) -> Figure:
    """Return the whole figure that axes belong to."""
    return axes.figure.figure


def literal(text: str, most: int = 28) -> str:
    """Return a name as matplotlib must see it to print it as it is, shortened in the middle."""
    if len(text) > most:
        head = (most - 1) * 2 // 3
        text = f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"
    return text.replace("$", r"\$")


def text_inches(text: str, size: float) -> float:
    """Return about how wide a text is printed, in inches."""
    return len(text) * LETTER_WIDTH * size / 72


def title(figure: Figure, headline: str, details: str = "") -> None:
    """Print a headline, and details below it, at the upper left corner."""
    height = figure.get_size_inches()[1]
    left = 0.12 / figure.get_size_inches()[0]
    figure.text(left, 1 - 0.1 / height, headline, size=LARGE, weight="bold", color=INK, va="top", ha="left")
    if details:
        figure.text(left, 1 - 0.36 / height, details, size=NORMAL, color=INK, va="top", ha="left", linespacing=1.35)


def note(figure: Figure, bottom: float, text: str) -> None:
    """Print a heading at the left, at a height in inches."""
    width, height = figure.get_size_inches()
    figure.text(0.12 / width, bottom / height, text, size=NORMAL, weight="bold", color=INK)


def save_figure(figure: Figure, path: str | Path, *, dots_per_inch: int = 150) -> None:
    """Write a figure as PNG, SVG or PDF, by the file's extension, whole or not at all.

    The same figure gives the same bytes on the same version of matplotlib.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
    dots_per_inch : int
        Of a PNG.

    Raises
    ------
    InputError
        If the extension is none of ``FORMATS``.
    OSError
        If the file cannot be written; an old file is then unchanged and nothing is left behind.
    """
    target = Path(path)
    kind = target.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        expected = ", ".join(f".{one}" for one in FORMATS)
        raise InputError(f"cannot draw into {target.name}: expected a file name that ends in {expected}")
    content = BytesIO()
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with _reproducible(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # drawn as boxes: better than no picture
        figure.savefig(content, format=kind, dpi=dots_per_inch, metadata=metadata)
    write_bytes(target, content.getvalue())


def _reproducible() -> contextlib.AbstractContextManager[None]:
    context: contextlib.AbstractContextManager[None] = import_module("matplotlib").rc_context(
        {"svg.hashsalt": "placewright", "svg.fonttype": "none"}
    )
    return context
