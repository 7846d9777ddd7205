"""Tests of the checkers of schedules."""
