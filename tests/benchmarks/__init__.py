"""Tests of the benchmarks: a wrong ruler is worse than none."""
