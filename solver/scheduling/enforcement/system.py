"""Systems: what a target of enforcement settings can do, and the steps that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Protocol

from formulations.errors import InputError, UnsupportedError
from formulations.scheduling.enforcement import HostGrants, Reading, SettingsFile, Steps, VmGrants


class System(Protocol):
    """Writes settings for one kind of hypervisor, and reads them back."""

    @property
    def name(self) -> str:
        """What the command line calls it."""
        ...

    @property
    def ending(self) -> str:
        """Of a single file that holds all settings, such as ``.sh``."""
        ...

    def files(self, host: HostGrants) -> Iterator[SettingsFile]:
        """Yield the files of one host.

        Raises
        ------
        InputError
            If a figure or a name cannot be stated to this system.
        """
        ...

    def whole(self, hosts: Sequence[HostGrants]) -> str:
        """Return everything as the text of one file."""
        ...

    def read(self, host: HostGrants, files: Iterable[SettingsFile]) -> Iterator[Reading]:
        """Yield what the files of one host say, figures in the instance's units."""
        ...

    def steps(self, host: HostGrants) -> Steps:
        """Return how finely figures are stated on a host, and which ones are."""
        ...

    def notes(self, hosts: Sequence[HostGrants]) -> Iterator[str]:
        """Yield what the system cannot hold the VMs to, or needs besides these settings."""
        ...


def cores(host: HostGrants, figure: Fraction) -> Fraction:
    """Return a figure of cpu in cores.

    Raises
    ------
    InputError
        If the clock of the host's cores is not known.
    """
    if host.cores_per_unit is None:
        raise InputError(
            f"cpu is in MHz and {host.host} does not state its cores: expected the host's cores, or the MHz per core",
            "mhz_per_core",
        )
    return figure * host.cores_per_unit


def megahertz(host: HostGrants, figure: Fraction) -> Fraction:
    """Return a figure of cpu in MHz.

    Raises
    ------
    InputError
        If the clock of the host's cores is not known.
    """
    if host.mhz_per_unit is None:
        raise InputError("cpu is in cores, and this system counts MHz: expected the MHz per core", "mhz_per_core")
    return figure * host.mhz_per_unit


def whole_steps(figure: Fraction, step: Fraction | int) -> int:
    """Return how many whole steps fit into a figure: sums still fit, and no limit is passed."""
    return int(figure // step)


def limit_steps(vm: VmGrants, what: str, figure: Fraction, step: Fraction | int, least: int = 1) -> int:
    """Return a limit in whole steps.

    Raises
    ------
    InputError
        If it is below the least that the system can state: the VM could not run.
    """
    found = whole_steps(figure, step)
    if found < least:
        raise InputError(
            f"{what} of {vm.vm} on {vm.host} would be limited to less than the system can state; "
            "expected a larger limit, or enforcement of limits where its allocation is that small",
            f"{what}.limit",
        )
    return found


def file_name(name: str, ending: str) -> str:
    """Return a name as that of a file: what file systems refuse is written as ``%2F``.

    Raises
    ------
    UnsupportedError
        If it is too long for a file name.
    """
    safe = "".join(
        character if character.isascii() and (character.isalnum() or character in "-_.: ") else _percent(character)
        for character in name
    )
    if safe.startswith("."):
        safe = f"%2E{safe[1:]}"
    if len(safe) + len(ending) > 255:
        raise UnsupportedError(f"{name!r} is too long for the name of a file")
    return safe + ending


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def ranges(numbers: Iterable[int]) -> str:
    """Spell a set of numbers as lists of cpus are written: ``0-3,8``."""
    spelled: list[str] = []
    run: list[int] = []
    for number in [*sorted(numbers), None]:
        if run and number != run[-1] + 1:
            spelled.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
            run = []
        if number is not None:
            run.append(number)
    return ",".join(spelled)


def numbers(spelled: str) -> frozenset[int]:
    """Return the set of numbers that ``0-3,8`` stands for."""
    found: set[int] = set()
    for part in spelled.split(",") if spelled else []:
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def without_overhead(hosts: Sequence[HostGrants]) -> int:
    """Return how many VMs have a limit of memory and state no overhead: it has no room for the hypervisor's own."""
    members = [vm.memory for host in hosts for vm in host.members if vm.memory is not None]
    return sum(1 for memory in members if memory.limit is not None and not memory.overhead)


def stating(number: int) -> str:
    """Return the beginning of a sentence about so many VMs."""
    return "1 VM states" if number == 1 else f"{number:,} VMs state"
