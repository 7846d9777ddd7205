"""The loop that adds up entitlements, run as it stands where events are few and compiled where they are many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers

Floats = NDArray[np.float64]


def add_up_entitlements(  # noqa: PLR0917 - it is compiled as it stands
    moments: Integers, vm: Integers, change: Integers, cores: int, shares: Integers, caps: Floats, total: Floats
) -> None:
    """Add to ``total`` what each VM is entitled to, from one moment to the next.

    Parameters
    ----------
    moments : int64 array, shape (changes,)
        Ascending, µs.
    vm, change : int64 arrays, shape (changes,)
        Whose jobs become one more (1) or one less (-1).
    cores : int
    shares : int64 array, shape (VMs,)
    caps : float64 array, shape (VMs,)
        Cores that each can use.
    total : float64 array, shape (VMs,)
        Result, µs.
    """
    jobs = np.zeros(len(shares), dtype=np.int64)
    rate = np.zeros(len(shares), dtype=np.float64)
    active = np.zeros(len(shares), dtype=np.int64)
    many = 0
    for event in range(len(moments)):
        if event > 0 and moments[event] > moments[event - 1]:
            room = float(cores)
            weight = 0.0
            for at in range(many):
                weight += shares[active[at]]
                rate[active[at]] = -1.0
            found = True
            while found:
                found = False
                for at in range(many):
                    own = active[at]
                    use = min(caps[own], float(jobs[own]))
                    if rate[own] < 0.0 and shares[own] * room >= use * weight:
                        rate[own] = use
                        room -= use
                        weight -= shares[own]
                        found = True
            stretch = moments[event] - moments[event - 1]
            for at in range(many):
                own = active[at]
                part = rate[own] if rate[own] >= 0.0 else shares[own] * room / weight
                total[own] += part * stretch
        own = vm[event]
        if jobs[own] == 0:
            active[many] = own
            many += 1
        jobs[own] += change[event]
        if jobs[own] == 0:
            for at in range(many):
                if active[at] == own:
                    active[at] = active[many - 1]
                    break
            many -= 1
