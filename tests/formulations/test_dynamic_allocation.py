"""Dynamic allocation: the horizon and the program's rows."""

from __future__ import annotations

from fractions import Fraction

import pytest

from formulations import InputError
from formulations.allocation.contention import HostResource
from formulations.allocation.dynamic import DynamicAllocation, Horizon


def small() -> Horizon:
    return Horizon.of(10, [0, 1], [[1, 8, 1], [4]], [8, None], ramps=[2, None], vms=["web", "db"], unit="GB")


def test_single_figures_stretch_over_the_horizon() -> None:
    """A VM with one figure is constant; a horizon that dropped periods would lose its bounds."""
    assert [list(period.demand) for period in small().periods] == [[1, 4], [8, 4], [1, 4]]


def test_profiles_of_two_lengths_are_refused() -> None:
    """Two lengths cannot be aligned; guessing would pair the wrong periods."""
    with pytest.raises(InputError, match="expected 1 or 3 periods, got 2") as caught:
        Horizon.of(10, [0, 0], [[1, 2, 3], [1, 2]])
    assert caught.value.path == "profiles[1]"


def test_horizons_out_of_order_are_refused() -> None:
    """Illegal data cannot exist: missing periods, other VMs, wrong lengths."""
    one = HostResource.of(1, [0], [1])
    other = HostResource.of(1, [0], [1], vms=["other"])
    with pytest.raises(InputError, match="at least one period"):
        Horizon((), ())
    with pytest.raises(InputError, match="same VMs"):
        Horizon((one, other), (None,))
    with pytest.raises(InputError, match="ramps"):
        Horizon((one,), ())
    with pytest.raises(InputError, match="initial"):
        Horizon((one,), (None,), ())
    with pytest.raises(InputError, match=r"ramps\[0\]"):
        Horizon.of(1, [0], [[1]], ramps=[-1])


def test_worst_jump_counts_from_the_initial_allocation() -> None:
    """A ramp binds the first period only where the allocation before it is given."""
    calm = [(Fraction(1), Fraction(4)), (Fraction(3), Fraction(9)), (Fraction(4), Fraction(1))]
    assert small().worst_jump(calm) == 0
    started = Horizon(small().periods, small().ramps, (Fraction(8), Fraction(0)))
    assert started.worst_jump(calm) == 5
    assert small().with_ramps_of([]).worst_jump([(Fraction(0),) * 2, (Fraction(9),) * 2, (Fraction(0),) * 2]) == 0


def test_only_ramps_over_time_couple_periods() -> None:
    """The exact path relies on it: one period, or no ramp, means independent models."""
    assert small().coupled
    assert not small().window(0, 0).coupled
    assert not small().with_ramps_of([]).coupled
    assert Horizon(small().periods[:1], small().ramps, (Fraction(1), Fraction(1))).coupled


def test_program_has_rows_for_every_period_and_change() -> None:
    """The LP file is a document; a missing period or change would be a missing constraint."""
    rows = {row.name for row in DynamicAllocation(small()).problem.constraints()}
    for t in range(3):
        assert {f"capacity_period_{t}", f"reservation_1_db_period_{t}", f"limit_0_web_period_{t}"} <= rows
    changes = {name for name in rows if name.startswith("ramp")}
    assert changes == {f"ramp_{way}_0_period_{t}" for way in ("up", "down") for t in (1, 2)}


def test_vms_of_one_course_share_their_ramp_rows() -> None:
    """A hundred identical VMs change alike, so their ramps are one pair of rows per change."""
    many = Horizon.of(1000, [0] * 100, [[1, 2]] * 100, [5] * 100, ramps=[3] * 100)
    names = [row.name for row in DynamicAllocation(many).problem.constraints()]
    assert sum(name.startswith("ramp") for name in names) == 2
