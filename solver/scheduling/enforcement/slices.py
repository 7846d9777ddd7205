"""Names of systemd slices, which are the names of their control groups too."""

from __future__ import annotations

from formulations.errors import UnsupportedError

PARENT = "placewright.slice"
"""The slice that holds the VMs of a host, and nothing else: weights compare its members."""

LONGEST = 255


def slice_name(vm: str) -> str:
    """Return the name of a VM's slice below `PARENT`: a dash in a slice's name would stand for one more level.

    Raises
    ------
    UnsupportedError
        If the name is too long for systemd.
    """
    name = f"{PARENT.removesuffix('.slice')}-{escaped(vm)}.slice"
    if len(name) > LONGEST:
        raise UnsupportedError(f"{vm!r} is too long for the name of a systemd slice")
    return name


def escaped(name: str) -> str:
    r"""Return a name with all that means something in unit names escaped: ``web-1`` is ``web\x2d1``."""
    characters = [_escaped(character) for character in name]
    if name.startswith("."):
        characters[0] = r"\x2e"
    return "".join(characters)


def _escaped(character: str) -> str:
    if character.isascii() and (character.isalnum() or character in ":_."):
        return character
    return "".join(rf"\x{byte:02x}" for byte in character.encode())
