"""The numbers by which compiled loops know measures, weights, scores and ways of ending."""

from __future__ import annotations

from typing import Final

# How large an item is, and how much room a bin has left: a norm of its weighted shares.
SUM: Final = 0
LARGEST: Final = 1
SQUARES: Final = 2
PRODUCT: Final = 3
LOAD: Final = 4
"""Only of bins: minus the squares of what is taken, so that more room is more here, too."""

# What the resources weigh against one another.
UNIT: Final = 0
AVERAGE: Final = 1
EXPONENTIAL: Final = 2
RECIPROCAL: Final = 3
UTILISATION: Final = 4
RESIDUAL: Final = 5

# When weights are renewed, and from what.
ONCE: Final = 0
BY_ITEMS: Final = 1
BY_BINS: Final = 2

# Which open bin takes an item.
NEXT: Final = 0
FIRST: Final = 1
BEST: Final = 2
WORST: Final = 3
POWER: Final = 4

# How well an item suits a bin.
DOT: Final = 0
COSINE: Final = 1
BIN_DOT: Final = 2
SHARE_DOT: Final = 3
DISTANCE: Final = 4
TIGHT_SUM: Final = 5
TIGHT_LEAST: Final = 6
LEAST_LEFT: Final = 7
SIZE: Final = 8
PERMUTATION: Final = 9
CHOICE: Final = 10

# How a compiled loop ended.
DONE: Final = 0
PAUSED: Final = 1
GROUPS_FULL: Final = 2
EVENTS_FULL: Final = 3
STUCK: Final = 4

# Where a compiled loop keeps what it needs to go on.
POSITION: Final = 0
LEFT: Final = 1
GROUPS: Final = 2
EVENTS: Final = 3
BINS: Final = 4
TRIAL: Final = 5
FILLING: Final = 6
CANDIDATES: Final = 7
CONTROLS: Final = 8
