"""What is measured: placewright as a whole, its engines one by one, and its peers."""

from __future__ import annotations

from benchmarks.peers import subjects as peers
from benchmarks.subjects import engines, placewright, reassignment
from benchmarks.subjects.base import SUBJECTS, Run, Subject, subject_named

__all__ = ["SUBJECTS", "Run", "Subject", "engines", "peers", "placewright", "reassignment", "subject_named"]
