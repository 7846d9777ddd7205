"""Enforcement settings for programs: every VM's grants in the instance's units, and the files."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from formulations.quantities import json_number
from formulations.scheduling.enforcement import Grant, VmGrants
from solver.scheduling.enforcement import EnforcementSettings


def settings_document(settings: EnforcementSettings) -> dict[str, Any]:
    """Return settings as plain data: who is granted what where, what to write, and what it cannot hold."""
    return {
        "system": settings.system.name,
        "enforce": settings.enforce.value,
        "hosts": {host.host: {vm.vm: _vm(vm) for vm in host.members} for host in settings.hosts},
        "files": {file.path: file.content for file in settings.files},
        "notes": list(settings.notes),
    }


def _vm(vm: VmGrants) -> dict[str, Any]:
    return {
        "cpu": _grant(vm.cpu),
        "memory": _grant(vm.memory),
        "pinned": vm.pinned,
        "cpus": None if vm.cpus is None else list(vm.cpus),
        "cells": list(vm.cells),
    }


def _grant(grant: Grant | None) -> dict[str, Any] | None:
    if grant is None:
        return None
    return {
        "reserved": json_number(grant.reserved),
        "expected": json_number(grant.expected),
        "limit": _number(grant.limit),
        "shares": json_number(grant.shares),
    }


def _number(figure: Fraction | None) -> int | float | None:
    return None if figure is None else json_number(figure)
