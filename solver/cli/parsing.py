"""What people write behind options: isolation levels, objectives, policy coefficients, times."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

import click

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]

    from collections.abc import Callable

    from formulations.isolation import AnyIsolation
    from formulations.objective import ObjectiveLevel, Term
else:
    ParamType = click.ParamType  # generic for type checkers of newer releases only


def decimal(text: str) -> Decimal:
    """Return a finite number as written.

    Raises
    ------
    ValueError
        If the text is no finite number.
    """
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text.strip()!r} is no number") from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError(f"{text.strip()!r} is no usable number")
    return number


def isolation_level(text: str) -> AnyIsolation:
    """Read ``shared``, ``full``, ``full:pinned``, ``partial:ALPHA`` or ``protected:GAMMA``.

    Raises
    ------
    ValueError
        If the text is none of them.
    """
    from formulations.isolation import Full, Partial, Protected, Shared

    mode, _, detail = text.strip().partition(":")
    if mode == "shared" and not detail:
        return Shared()
    if mode == "full" and detail in ("", "pinned"):
        return Full(pinned=bool(detail))
    if mode == "partial" and detail:
        return Partial(alpha=decimal(detail))
    if mode == "protected" and detail.isascii() and detail.isdigit():
        return Protected(gamma=int(detail))
    raise ValueError(f"expected shared, full, full:pinned, partial:ALPHA or protected:GAMMA, got {text!r}")


def objective_levels(text: str) -> list[ObjectiveLevel]:
    """Read levels separated by commas, each a sum of terms: ``hosts, migration + 0.5 imbalance``.

    A term may have a weight before it (``3 cost`` or ``3*cost``); ``unplaced:PRIORITY``
    counts one priority only, ``unplaced:RESOURCE`` what VMs left out demand of a resource (both:
    ``unplaced:PRIORITY:RESOURCE``); ``load:RESOURCE`` and ``balance:RESOURCE:OTHER:TARGET`` name their resources.

    Raises
    ------
    ValueError
        If the text says anything else.
    """
    from formulations.objective import ObjectiveLevel

    return [ObjectiveLevel(terms=[_term(part) for part in level.split("+")]) for level in text.split(",")]


def _term(text: str) -> Term:
    from formulations.objective import Term, TermKind

    words = text.replace("*", " ").split()
    if not 1 <= len(words) <= 2:
        raise ValueError(f"expected a term such as cost or 3*cost, got {text.strip()!r}")
    name, *details = words[-1].split(":")
    kinds: dict[str, TermKind] = {kind: kind for kind in get_args(TermKind)}
    kind = kinds.get(name.replace("-", "_"))
    if kind is None:
        raise ValueError(f"unknown term {name!r}; expected one of {', '.join(kinds)}")
    weight = decimal(words[0]) if len(words) == 2 else 1
    return Term(kind=kind, weight=weight, **_detailed(kind, details))


def _detailed(kind: str, details: list[str]) -> dict[str, Any]:
    """Return the fields that the words behind a term's colons stand for."""
    fields = {"load": ["resource"], "balance": ["resource", "other", "target"]}.get(kind, ["priority"])
    if kind == "unplaced" and details and not details[-1].lstrip("-").isdigit():
        fields = ["priority", "resource"][-len(details) :]
    if len(details) > len(fields):
        raise ValueError(f"{kind} takes {':'.join(fields).upper()} at most, got {':'.join(details)!r}")
    read: dict[str, Callable[[str], Any]] = {"priority": _whole, "target": decimal}
    return {field: read.get(field, str)(text) for field, text in zip(fields, details, strict=False)}


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def coefficients(text: str) -> tuple[str | None, Fraction, Fraction]:
    """Read ``A,B`` or ``RESOURCE=A,B``, decimals or ratios; the resource is None where none is named.

    Raises
    ------
    ValueError
        If the text is neither.
    """
    from formulations.allocation.linear import coefficient

    resource, equals, pair = text.rpartition("=")
    parts = pair.split(",")
    if len(parts) != 2 or (equals and not resource.strip()):
        raise ValueError(f"expected A,B or RESOURCE=A,B, got {text!r}")
    return resource.strip() or None, coefficient(parts[0]), coefficient(parts[1])


class Written(ParamType):
    """An option whose text is read by one of the functions above."""

    def __init__(self, name: str, read: Any) -> None:
        self.name = name
        self.read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text, or fail with the reader's message."""
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


ISOLATION = Written("mode", isolation_level)
OBJECTIVE = Written("levels", objective_levels)
COEFFICIENTS = Written("[RESOURCE=]A,B", coefficients)
