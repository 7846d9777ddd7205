"""Errors of solving: what is wrong with the installation, the machine or placewright itself."""

from __future__ import annotations

from formulations.errors import PlacewrightError


class BackendError(PlacewrightError):
    """A MILP solver failed for a reason outside the model: killed, out of disk, crashed."""


class BackendMissingError(BackendError):
    """A MILP solver is not installed; the message says what to install."""


class VerificationError(PlacewrightError):
    """Placewright made an answer that its own judge rejects: a defect, never a result."""
