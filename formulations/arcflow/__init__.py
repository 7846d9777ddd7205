"""Arc-flow: vector packing as an integer flow whose paths are fillings of bins."""

from __future__ import annotations

from formulations.arcflow.model import ArcFlow
from formulations.arcflow.network import MOST_ARCS, MOST_STATES, Network

__all__ = ["MOST_ARCS", "MOST_STATES", "ArcFlow", "Network"]
