"""Tests of reports and pictures."""
