"""Durations as people write them behind options: ``20ms``, ``500us``, ``1.5s``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from solver.cli.parsing import decimal

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic for type checkers of newer releases only

UNITS = {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000, "": 1_000}
"""Microseconds of every unit; a bare number counts milliseconds."""


def microseconds(text: str) -> int:
    """Return a duration in microseconds.

    Raises
    ------
    ValueError
        If the text is no positive number with ``us``, ``ms``, ``s`` or nothing behind it, or is no
        whole number of microseconds.

    Examples
    --------
    >>> microseconds("20ms"), microseconds("500us"), microseconds("1.5 s"), microseconds("0.25")
    (20000, 500, 1500000, 250)
    """
    figure = text.strip().rstrip("usmµ")
    unit = text.strip()[len(figure) :]
    if unit not in UNITS:
        raise ValueError(f"expected a duration such as 20ms, 500us or 1.5s, got {text!r}")
    whole = decimal(figure) * UNITS[unit]
    if whole <= 0 or whole != whole.to_integral_value() or whole > Decimal(10) ** 15:
        raise ValueError(f"expected a positive whole number of microseconds, got {text!r}")
    return int(whole)


class Duration(ParamType):
    """An option's value that is a duration."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return microseconds, or end with a usage error."""
        if isinstance(value, int):
            return value
        try:
            return microseconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class NamedDuration(ParamType):
    """An option's value that gives a VM a duration: ``db=5ms``."""

    name = "vm=duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return the VM's selector and microseconds, or end with a usage error."""
        if isinstance(value, tuple):
            return value
        name, equals, text = value.rpartition("=")
        if not equals or not name.strip():
            self.fail(f"expected VM=DURATION such as db=5ms, got {value!r}", param, ctx)
        try:
            return name.strip(), microseconds(text)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()
NAMED_DURATION = NamedDuration()
