"""Tests of enforcement settings."""
