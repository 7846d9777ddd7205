"""Tests of the instances that are measured on."""
