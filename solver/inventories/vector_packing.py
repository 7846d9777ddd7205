"""Vector packing files (.vbp): items of several sizes into as few equal bins as possible."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import MOST_MEMBERS, VM, Host
from formulations.objective import level
from formulations.quantities import LARGEST_QUANTITY, Quantity, exact
from formulations.resources import MOST_RESOURCES, Resource


class _Word(NamedTuple):
    line: int
    text: str

    def whole(self, what: str, least: int, most: int) -> int:
        """Return the word as a whole number within bounds."""
        if not self.text.isascii() or not self.text.isdigit() or len(self.text) > 18:
            raise InputError(f"expected {what} (a whole number), got {self.text[:40]!r}", f"line {self.line}")
        if not least <= int(self.text) <= most:
            raise InputError(f"expected {what} from {least} to {most:,}, got {self.text}", f"line {self.line}")
        return int(self.text)

    def quantity(self, what: str) -> Quantity:
        """Return the word as an exact number."""
        if self.text.isascii() and self.text.isdigit() and len(self.text) <= 18:
            value: Quantity = int(self.text)
        else:
            try:
                value = Decimal(self.text)
            except InvalidOperation:
                raise InputError(f"expected {what} (a number), got {self.text[:40]!r}", f"line {self.line}") from None
        if isinstance(value, Decimal) or value > LARGEST_QUANTITY:
            exact(value, f"line {self.line}")
        return value


def read_vector_packing(content: bytes) -> Instance:
    """Return the instance in a vector packing file.

    The file holds the number of dimensions, the bin's capacity in each, the number of item
    types, and per item type its size in each dimension and how many there are. Items of the
    same sizes become one counted VM, named after the first of them (``item-3``); the bin
    becomes one host type of unlimited count; the objective is the number of hosts.

    Parameters
    ----------
    content : bytes
        UTF-8 text.

    Raises
    ------
    InputError
        Naming the line.
    """
    words = _words(content)
    dimensions = _next(words, "the number of dimensions").whole("the number of dimensions", 1, MOST_RESOURCES)
    names = [f"size-{number}" for number in range(1, dimensions + 1)]
    capacity = {name: _next(words, "a capacity").quantity("a capacity") for name in names}
    types = _next(words, "the number of item types").whole("the number of item types", 0, MOST_MEMBERS)
    return Instance(
        resources=[Resource(name=name) for name in names],
        vms=_items(words, types, names),
        hosts=[Host(name="bin", capacity=capacity, count="unlimited")],
        objective=[level("hosts")],
    )


def _items(words: Iterator[_Word], types: int, names: list[str]) -> list[VM]:
    counts: dict[tuple[Quantity, ...], int] = {}
    called: dict[tuple[Quantity, ...], str] = {}
    for number in range(1, types + 1):
        sizes = tuple(_next(words, f"the sizes of item {number}").quantity("a size") for _ in names)
        demand = _next(words, f"the count of item {number}").whole("a count", 0, MOST_MEMBERS)
        if demand:
            counts[sizes] = counts.get(sizes, 0) + demand
            called.setdefault(sizes, f"item-{number}")
    if (extra := next(words, None)) is not None:
        raise InputError(f"expected the end after {types} item types, got {extra.text[:40]!r}", f"line {extra.line}")
    return [
        VM(name=called[sizes], resources=dict(zip(names, sizes, strict=True)), count=count)
        for sizes, count in counts.items()
    ]


def _words(content: bytes) -> Iterator[_Word]:
    for number, line in enumerate(content.decode().splitlines(), 1):
        for word in line.split():
            yield _Word(number, word)


def _next(words: Iterator[_Word], what: str) -> _Word:
    word = next(words, None)
    if word is None:
        raise InputError(f"the file ends too early: expected {what}")
    return word
