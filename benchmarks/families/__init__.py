"""Instances to measure on: generated families, each by seed, and published sets."""

from __future__ import annotations

from benchmarks.families import cloud, distinct, four_types, hard, huawei, published, reassignment, small
from benchmarks.families.base import FAMILIES, SEEDS, Case, Family, Question, case_named, family_named, present

__all__ = [
    "FAMILIES",
    "SEEDS",
    "Case",
    "Family",
    "Question",
    "case_named",
    "cloud",
    "distinct",
    "family_named",
    "four_types",
    "hard",
    "huawei",
    "present",
    "published",
    "reassignment",
    "small",
]
