"""Durations behind options: what people write means what they think, and nothing else is taken."""

from __future__ import annotations

import pytest

from solver.cli.durations import microseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20ms", 20_000), ("500us", 500), ("500µs", 500), (" 1.5 s ", 1_500_000), ("0.25", 250), ("3", 3_000)],
)
def test_durations_are_read_with_their_unit(text: str, expected: int) -> None:
    """A bare number counts milliseconds, as everywhere else in scheduling."""
    assert microseconds(text) == expected


@pytest.mark.parametrize("text", ["", "ms", "0", "-1ms", "1 min", "0.5us", "nan", "1e99s", "1sm", "10 mss", "ten"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Silently taking 0.5 microseconds for none would lift a bound."""
    with pytest.raises(ValueError, match=r"duration|number"):
        microseconds(text)
