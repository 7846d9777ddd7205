"""The arrays that compiled loops work on, by name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers

Floats = NDArray[np.float64]


class Stock(NamedTuple):
    """What is to be packed, and into what: the loops only read it.

    Attributes
    ----------
    sizes, demand, most, capacities : int64 arrays
        As in `VectorPacking`; ``most`` has shape (flavours, types).
    relative : float64 array, shape (flavours, resources)
        Sizes in shares of the reference capacity.
    lengths : float64 array, shape (flavours,)
        Euclidean lengths of ``relative``.
    ranks : int64 array, shape (flavours, resources)
        Each flavour's resources, the largest share first.
    scale : float64 array, shape (resources,)
        One over the reference capacity; 0 for a resource that no bin has.
    costs : float64 array, shape (types,)
    worth : float64 array, shape (flavours,)
        What taking an item is worth when types are compared by cost for what they take.
    opening : int64 array
        Types in the order in which they are opened.
    """

    sizes: Integers
    demand: Integers
    most: Integers
    capacities: Integers
    relative: Floats
    lengths: Floats
    ranks: Integers
    scale: Floats
    costs: Floats
    worth: Floats
    opening: Integers


class Bins(NamedTuple):
    """The open bins: groups of bins of one type with equal contents, and the events that filled them.

    Attributes
    ----------
    kind, start, times : int64 arrays, shape (groups,)
        A group is the bins ``start .. start + times - 1``, all of one type.
    room : int64 array, shape (groups, resources)
        What is left in each of its bins.
    value : float64 array, shape (groups,)
        The measure of that room.
    favourite, liking : int64 and float64 array, shape (groups, some)
        The flavours that suit the bins best and how well, the best first; -1 after the last.
    head : int64 array, shape (groups,)
        The first of them that has not run out.
    events : int64 array, shape (some, 4)
        (first bin, bins, flavour, items in each).
    unused : int64 array, shape (types,)
        How many bins of each type can still be opened.
    control : int64 array
        Where the loop is; see the codes.
    """

    kind: Integers
    start: Integers
    times: Integers
    room: Integers
    value: Floats
    favourite: Integers
    liking: Floats
    head: Integers
    events: Integers
    unused: Integers
    control: Integers


class Rule(NamedTuple):
    """How `kernels.fitting.fit` packs, in codes."""

    how: int
    norm: int
    weight: int
    renewal: int
    bin_weight: int
    bin_norm: int


class Filling(NamedTuple):
    """What `kernels.filling.fill` keeps while it fills a bin; counts are per flavour."""

    left: Integers
    active: Integers
    candidates: Integers
    taken: Integers
    best_taken: Integers
    last_taken: Integers
    room: Integers
    totals: Integers
    closed: Floats
    weights: Floats
    best: Floats


class PairCodes(NamedTuple):
    """How `kernels.pairing.pair` packs, in codes; weights are renewed after every so many items."""

    how: int
    weight: int
    renewal: int
    every: int
    lazy: bool


class Pairing(NamedTuple):
    """What `kernels.pairing.pair` keeps: items left, flavours that have any, and what weights come from."""

    left: Integers
    active: Integers
    weights: Floats
    to_pack: Floats
    rooms: Floats
