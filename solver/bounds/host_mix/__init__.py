"""The host-mix program solved exactly: what bins of several types must cost at least."""

from __future__ import annotations

from solver.bounds.host_mix.mixing import INFEASIBLE, HostMix, MixProof

__all__ = ["INFEASIBLE", "HostMix", "MixProof"]
