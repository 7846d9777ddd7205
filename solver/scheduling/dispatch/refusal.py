"""Refusals: what was asked of a fixed schedule cannot be had, and why."""

from __future__ import annotations

from formulations.errors import PlacewrightError


class RefusedError(PlacewrightError):
    """A host's table cannot be made as asked.

    Parameters
    ----------
    message : str
        One sentence with the VM or the cell, and figures.
    proved : bool
        Whether no table can meet what was asked; otherwise none was found.
    """

    def __init__(self, message: str, *, proved: bool) -> None:
        super().__init__(message)
        self.message = message
        self.proved = proved
