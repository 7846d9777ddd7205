"""Compiled loops are used only where there is time to compile or load them."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from numba import njit

from solver.deadline import Deadline
from solver.engines.compiling import affordable


def test_a_loop_whose_module_is_loaded_must_still_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import alone compiles nothing: who has a second left must not begin with that."""
    module = ModuleType("solver.engines.nothing")
    module.loop = njit(lambda count: count + 1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert not affordable(Deadline(1), module.__name__, "loop")
    assert affordable(Deadline(60), module.__name__, "loop")
    assert module.loop(1) == 2
    assert affordable(Deadline(1), module.__name__, "loop")
    assert not affordable(Deadline(0), module.__name__, "loop")
