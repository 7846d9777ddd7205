"""Files: every reader and writer of instances, placements and results, and their schemas."""

from __future__ import annotations

from solver.inventories.documents import ResultDocument
from solver.inventories.placements import read_placement
from solver.inventories.reading import read_instance, read_running_machines
from solver.inventories.results import document
from solver.inventories.schemas import instance_schema, result_schema
from solver.inventories.writing import write_instance

__all__ = [
    "ResultDocument",
    "document",
    "instance_schema",
    "read_instance",
    "read_placement",
    "read_running_machines",
    "result_schema",
    "write_instance",
]
