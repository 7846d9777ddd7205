"""Network links that migrations share."""

from __future__ import annotations

from dataclasses import dataclass

from formulations.errors import InputError
from formulations.quantities import Quantity, exact
from formulations.rules import Selector


@dataclass(frozen=True)
class Link:
    """A network link that some migrations share.

    Parameters
    ----------
    name : str
        For messages.
    one : tuple of str
        Host selectors of one end, such as ``rack:a``.
    other : tuple of str, optional
        Those of the other end; without them every host outside ``one``: the link is its uplink.
    bandwidth : number, optional
        What the link carries for migrations, in the memory resource's unit per second.
    most : int, optional
        Most migrations over it at a time. If missing, as many as the bandwidth carries when each
        is as fast as the fastest host's migrations.
    """

    name: str
    one: tuple[Selector, ...]
    other: tuple[Selector, ...] | None = None
    bandwidth: Quantity | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        if self.bandwidth is None and self.most is None:
            raise InputError("expected a bandwidth, a most, or both", f"links.{self.name}")
        if self.bandwidth is not None and exact(self.bandwidth, f"links.{self.name}.bandwidth") == 0:
            raise InputError("must be positive, got 0", f"links.{self.name}.bandwidth")
        if self.most is not None and self.most < 1:
            raise InputError(f"must be at least 1, got {self.most}", f"links.{self.name}.most")
