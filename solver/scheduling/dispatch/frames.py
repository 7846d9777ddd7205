"""How long a frame should be: as asked, or as bounds on blackouts and the quantum want it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor

from formulations.scheduling.dispatch import DEFAULT_FRAME, LONGEST_FRAME
from solver.scheduling.dispatch.demand import Part
from solver.scheduling.dispatch.refusal import RefusedError

DOUBLINGS = 4
"""How many lengths are tried, each twice the last, where none was asked for."""


def frame_for(parts: Sequence[Part], quantum: int) -> int:
    """Return a frame in which every vCPU's time is sure to reach the quantum, in microseconds."""
    return max((ceil(quantum / part.rate) for part in parts if part.cores), default=1)


def frames_worth_trying(parts: Sequence[Part], asked: int | None, quantum: int) -> Iterator[int]:
    """Yield the lengths of frame to try for the parts of a host, in microseconds.

    A vCPU with a share ``s`` of a core and a bound ``b`` on its blackouts runs in one piece per frame
    up to a frame of ``b / (1 - s)``. Where shorter than the quantum allows, multiples of it are tried.

    Raises
    ------
    RefusedError
        If no frame will do.
    """
    for part in parts:
        if not part.cores and part.bound:
            raise RefusedError(f"{part.name} has no core time, so its blackout has no end", proved=True)
    if asked is not None:
        yield asked
        return
    running = [part for part in parts if part.cores]
    for part in running:
        _check_rate(part, quantum)
    least = frame_for(running, quantum)
    if least > LONGEST_FRAME:
        message = (
            f"the quantum of {quantum:,} µs asks for a frame of {least:,} µs, and {LONGEST_FRAME:,} is the longest"
        )
        raise RefusedError(message, proved=False)
    bounded = [floor(part.bound / (1 - part.rate)) for part in running if part.bound and part.rate < 1]
    if not bounded:
        yield max(DEFAULT_FRAME, least)
        return
    shortest = min(LONGEST_FRAME, *bounded)
    doubled = [shortest * 2**n for n in range(LONGEST_FRAME.bit_length())]
    yield from [frame for frame in doubled if least <= frame <= LONGEST_FRAME][:DOUBLINGS] or [LONGEST_FRAME]


def _check_rate(part: Part, quantum: int) -> None:
    """Refuse a VM whose bound and the quantum exclude each other in every frame.

    In a frame ``F`` with time ``p``, ``n`` runs of at least ``q`` and gaps of at most ``b`` need
    ``n q <= p`` and ``n b >= F - p``, so ``p (b + q) >= F q``. Where the rate ``s`` is below
    ``q / (b + q)``, only rounding up to ``p < s F + 1`` could help, and that only in frames shorter
    than ``(b + q) / (q - s (b + q))``; but ``p >= q`` asks for one longer than ``(q - 1) / s``.
    """
    if not part.bound:
        return
    together = part.bound + quantum
    short = quantum - part.rate * together
    if short > 0 and (quantum - 1) / part.rate >= together / short:
        most = floor(part.rate * part.bound / (1 - part.rate))
        message = (
            f"{part.name} has {float(part.rate):.2%} of a core per vCPU: with blackouts of at most {part.bound:,} µs "
            f"its runs last {most:,} µs at most on average, less than the quantum of {quantum:,} µs"
        )
        raise RefusedError(message, proved=True)
