"""Tests of what is asked of the scheduler."""
