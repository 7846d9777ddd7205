"""Moves: what keeps a VM from another host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.placement import Placement
from solver.verifying import verify


def why_not(instance: Instance, placement: Placement, vm: int, host: int) -> tuple[str, ...]:
    """Return what forbids moving a VM to a host, everyone else staying where they are.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Where everyone is; allocations do not matter, everyone may shrink to the floor.
    vm, host : int
        Numbers.

    Returns
    -------
    tuple of str
        One sentence per condition that the move would break and that holds now; empty if the
        move is allowed.
    """
    before = {str(violation) for violation in verify(instance, Placement(placement.host_of)).violations}
    moved: NDArray[np.int64] = placement.host_of.copy()
    moved[vm] = host
    after = verify(instance, Placement(moved)).violations
    return tuple(str(violation) for violation in after if str(violation) not in before)
