"""The errors a caller can meet, as one small tree."""

from __future__ import annotations


class PlacewrightError(Exception):
    """Everything that placewright raises on purpose."""


class InputError(PlacewrightError, ValueError):
    """The caller's data is wrong: says what, where (file, path, field) and what was expected.

    Parameters
    ----------
    message : str
        What is wrong and what was expected.
    path : str
        Where in the data, as in ``vms[3].resources.memory.limit``; empty for the whole.
    file : str
        The file it was read from; empty when the data came through the API.
    """

    def __init__(self, message: str, path: str = "", file: str = "") -> None:
        super().__init__(": ".join(part for part in (file, path, message) if part))
        self.message = message
        self.path = path
        self.file = file

    def inside(self, prefix: str) -> InputError:
        """Return the same error seen from the structure that contains it."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        return InputError(self.message, f"{prefix}{joint}{self.path}", self.file)

    def in_file(self, file: str) -> InputError:
        """Return the same error with the name of the file it was read from."""
        return InputError(self.message, self.path, file)


class UnsupportedError(PlacewrightError, ValueError):
    """A model or an engine was asked for something it does not cover; names both."""
