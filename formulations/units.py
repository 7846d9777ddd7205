"""Units of processors, clock and memory by name, and what each is worth, exactly."""

from __future__ import annotations

from fractions import Fraction

CORES: dict[str, Fraction] = {
    **dict.fromkeys(("core", "cores", "cpu", "cpus", "CPU", "CPUs", "vcpu", "vcpus", "vCPU", "vCPUs"), Fraction(1)),
    **dict.fromkeys(("thread", "threads", "pCPU", "pCPUs"), Fraction(1)),
    **dict.fromkeys(("millicore", "millicores", "mcores", "m"), Fraction(1, 1000)),
}
"""Units that count processors, as Linux counts them."""

MEGAHERTZ: dict[str, Fraction] = {"MHz": Fraction(1), "GHz": Fraction(1000)}
"""Units that count clock cycles, in MHz."""

BYTES: dict[str, Fraction] = {
    **dict.fromkeys(("B", "byte", "bytes"), Fraction(1)),
    **dict.fromkeys(("kB", "KB"), Fraction(10**3)),
    **{f"{letter}B": Fraction(10**power) for letter, power in (("M", 6), ("G", 9), ("T", 12), ("P", 15))},
    **{f"{letter}iB": Fraction(2**power) for letter, power in (("K", 10), ("M", 20), ("G", 30), ("T", 40), ("P", 50))},
}
"""Units of memory, in bytes: GB is 10^9, GiB is 2^30."""
