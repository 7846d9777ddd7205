"""Palettes: colours that colour-blind readers tell apart, one per VM entry or per group."""

from __future__ import annotations

from dataclasses import dataclass

from formulations.instance import Instance

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f")
"""Okabe and Ito's palette, with grey instead of black (Nature Methods 8, 441, 2011, doi:10.1038/nmeth.1618)."""

OTHERS = "#c8c8c8"


@dataclass(frozen=True)
class Palette:
    """The colour of every VM entry.

    Attributes
    ----------
    colours : tuple of str
        One per entry.
    legend : tuple of (str, str)
        What each colour stands for; empty where there are more entries than colours.
    """

    colours: tuple[str, ...]
    legend: tuple[tuple[str, str], ...] = ()


def palette_of(instance: Instance) -> Palette:
    """Return one colour per entry where they suffice, else per group, else colours in turn."""
    names = [vm.name for vm in instance.vms]
    if len(names) <= len(COLOURS):
        return _keyed(names)
    groups = [vm.group or "no group" for vm in instance.vms]
    if 1 < len(set(groups)) <= len(COLOURS):
        return _keyed(groups)
    return Palette(tuple(COLOURS[entry % len(COLOURS)] for entry in range(len(names))))


def _keyed(keys: list[str]) -> Palette:
    number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    legend = tuple((key, COLOURS[n]) for key, n in number.items())
    return Palette(tuple(COLOURS[number[key]] for key in keys), legend)


def ink_on(colour: str) -> str:
    """Return black or white, whichever reads better on a colour (relative luminance, WCAG 2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.18 else "#ffffff"


def lighter(colour: str, part: float = 0.55) -> str:
    """Return a colour mixed with white."""
    channels = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(c + (255 - c) * part):02x}" for c in channels)


def darker(colour: str, part: float = 0.35) -> str:
    """Return a colour mixed with black."""
    return "#" + "".join(f"{round(int(colour[at : at + 2], 16) * (1 - part)):02x}" for at in (1, 3, 5))
