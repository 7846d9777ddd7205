"""Tests of migration plans: orders, bypasses, stops, makespan."""
