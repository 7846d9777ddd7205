"""Limits as people write them behind options of ``migrate``: ``rack:a,rack:b=4``, ``host-3=1``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from solver.cli.parsing import Written, decimal

if TYPE_CHECKING:
    from formulations.scheduling.links import Link


def host_limit(text: str) -> tuple[str, int]:
    """Read ``HOST=N``.

    Raises
    ------
    ValueError
        If the text is anything else.

    Examples
    --------
    >>> host_limit("rack:a=1")
    ('rack:a', 1)
    """
    name, equals, figure = text.rpartition("=")
    if not equals or not name.strip() or not _whole(figure):
        raise ValueError(f"expected HOST=N such as host-3=1, got {text!r}")
    return name.strip(), int(figure)


def link(text: str) -> Link:
    """Read ``END=LIMIT`` (the uplink of END) or ``END,END=LIMIT``; LIMIT is a number of migrations, or a rate ``N/s``.

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    from formulations.scheduling.links import Link

    ends, equals, figure = text.rpartition("=")
    names = [name.strip() for name in ends.split(",")]
    if not equals or not 1 <= len(names) <= 2 or not all(names):
        raise ValueError(f"expected END=LIMIT or END,END=LIMIT such as rack:a,rack:b=4, got {text!r}")
    other = (names[1],) if len(names) == 2 else None
    name = "-".join(names) if other else f"uplink of {names[0]}"
    if figure.strip().endswith("/s"):
        return Link(name, (names[0],), other, bandwidth=decimal(figure.strip().removesuffix("/s")))
    if not _whole(figure):
        raise ValueError(f"expected a number of migrations such as 4, or a rate such as 2.5/s, got {figure!r}")
    return Link(name, (names[0],), other, most=int(figure))


def rate(text: str) -> Decimal:
    """Read a rate, in memory units per second: ``1.25`` or ``1.25/s``.

    Raises
    ------
    ValueError
        If the text is no positive number.

    Examples
    --------
    >>> rate("1.25/s")
    Decimal('1.25')
    """
    figure = decimal(text.strip().removesuffix("/s"))
    if figure <= 0:
        raise ValueError(f"expected a positive number, got {text!r}")
    return figure


def _whole(text: str) -> bool:
    return text.strip().isascii() and text.strip().isdigit()


HOST_LIMIT = Written("host=n", host_limit)
LINK = Written("ends=limit", link)
RATE = Written("rate", rate)
