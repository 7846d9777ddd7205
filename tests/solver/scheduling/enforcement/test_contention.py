"""Tests of contention: weights keep reservations, and shares above them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from solver.scheduling.enforcement.contention import Contender, weights, whole_weight


def one_pool(contenders: list[Contender], capacity: Fraction) -> list[Fraction]:
    """Return the weights on a host without cells."""
    count = len(contenders)
    return weights(contenders, [(list(range(count)), [Fraction(1)] * count, capacity)])


def drawn(rng: np.random.Generator) -> tuple[list[Contender], Fraction]:
    """Draw contenders and a capacity that holds their reservations."""
    count = int(rng.integers(1, 8))
    contenders = [
        Contender(Fraction(int(rng.integers(0, 9)), 4), Fraction(int(rng.integers(1, 40)), 8)) for _ in range(count)
    ]
    return contenders, sum((one.reserved for one in contenders), Fraction(int(rng.integers(0, 20)), 3))


def test_weights_follow_shares_where_no_reservation_binds() -> None:
    """Shares are what the user asked for; reservations come before them only where they must."""
    found = one_pool([Contender(Fraction(1), Fraction(n)) for n in (1, 2, 4)], Fraction(70))
    assert found == [10, 20, 40]


def test_weights_keep_every_reservation_under_contention() -> None:
    """Linux has no reservation of cpu time: the weight must do it."""
    found = one_pool([Contender(Fraction(6), Fraction(1)), Contender(Fraction(0), Fraction(100))], Fraction(8))
    assert found == [6, 2]


def test_weights_of_random_hosts() -> None:
    """They fill the capacity exactly, keep reservations and rise with shares."""
    rng = np.random.default_rng(7)
    for _ in range(300):
        contenders, capacity = drawn(rng)
        found = one_pool(contenders, capacity)
        assert sum(found) == capacity
        for mine, one in zip(found, contenders, strict=True):
            assert mine >= one.reserved
            for theirs, other in zip(found, contenders, strict=True):
                if one.shares <= other.shares and one.reserved <= other.reserved:
                    assert mine <= theirs


def test_weights_keep_reservations_in_every_cell() -> None:
    """A crowded cell must not cost its VMs what they are promised."""
    rng = np.random.default_rng(11)
    for _ in range(200):
        contenders, _ = drawn(rng)
        cells = [int(cell) for cell in rng.integers(0, 3, len(contenders))]  # 2 stands for both
        parts = [[Fraction(0), Fraction(0)] for _ in contenders]
        for part, cell in zip(parts, cells, strict=True):
            part[:] = [Fraction(1, 2)] * 2 if cell == 2 else [Fraction(cell == 0), Fraction(cell == 1)]
        pools: list[tuple[list[int], list[Fraction], Fraction]] = []
        for cell in range(2):
            members = [at for at, part in enumerate(parts) if part[cell]]
            held = sum((contenders[at].reserved * parts[at][cell] for at in members), Fraction(0))
            pools.append((members, [parts[at][cell] for at in members], held + int(rng.integers(0, 3))))
        found = weights(contenders, pools)
        for members, shares, capacity in pools:
            total = sum((found[at] * share for at, share in zip(members, shares, strict=True)), Fraction(0))
            assert total <= capacity
            for at, share in zip(members, shares, strict=True):
                assert not total or found[at] * share / total * capacity >= contenders[at].reserved * share


def test_whole_weights_stay_in_range_and_in_order() -> None:
    """The kernel refuses 0 and 10,001, and takes any order that we give it."""
    figures = [Fraction(n, 7) for n in range(0, 200_000, 997)]
    found = [whole_weight(figure, figures[-1], 1, 10_000) for figure in figures]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (1, 10_000)
    assert whole_weight(Fraction(0), Fraction(0), 1, 10_000) == 10_000
