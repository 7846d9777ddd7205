"""Files as bytes: read whole within a limit and as UTF-8, written whole or not at all."""

from __future__ import annotations

import codecs
import contextlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from formulations.errors import InputError

LARGEST_FILE = 2 * 1024**3
"""No file larger than this is read (bytes)."""

_WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


def read_bytes(path: Path, limit: int = LARGEST_FILE) -> bytes:
    """Return the UTF-8 text of a file as bytes, without a byte order mark; ``.gz`` files are unpacked.

    Parameters
    ----------
    path : Path
        A file, or anything that can be read to its end, such as a pipe.
    limit : int
        Largest size in bytes.

    Raises
    ------
    InputError
        If there is no such file, it may not be read, or is empty, too large or no UTF-8 text.
    """
    try:
        content = _contents(path, limit)
        if path.suffix == ".gz":
            content = _unpacked(content, limit)
        _check_text(content)
    except InputError as error:
        raise error.in_file(str(path)) from None
    return content.removeprefix(codecs.BOM_UTF8)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Name the file in every InputError raised inside."""
    try:
        yield
    except InputError as error:
        raise error.in_file(str(path)) from None


def _contents(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(limit + 1) if size <= limit else b""
    except FileNotFoundError:
        raise InputError("no such file") from None
    except IsADirectoryError:
        raise InputError("is a directory; expected a file") from None
    except PermissionError:
        raise InputError("may not be read: permission denied") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if max(size, len(content)) > limit:
        raise InputError(f"larger than {limit:,} bytes, the most that is read")
    return content


def _unpacked(content: bytes, limit: int) -> bytes:
    """Return what a gzip file holds, however small it has been made."""
    unpacking = zlib.decompressobj(wbits=31)  # 31: with gzip's header and checksum
    try:
        text = unpacking.decompress(content, limit + 1)
    except zlib.error as error:
        raise InputError(f"is no gzip file: {error}") from None
    if len(text) > limit:
        raise InputError(f"holds more than {limit:,} bytes, the most that is read")
    if not unpacking.eof:
        raise InputError("is cut off: the gzip data has no end")
    return text


def _check_text(content: bytes) -> None:
    """Refuse what is not UTF-8 text, naming what it looks like instead."""
    if content.startswith(_WIDE_MARKS):
        raise InputError("is UTF-16 or UTF-32 text; expected UTF-8")
    for magic, name in _PACKED.items():
        if content.startswith(magic):
            raise InputError(f"is compressed ({name}); expected plain text in UTF-8")
    if b"\0" in content[:4096]:
        raise InputError("is a binary file; expected text in UTF-8")
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise InputError("is empty")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        where = line_and_column(content, error.start)
        raise InputError(f"is not UTF-8 text: byte 0x{content[error.start]:02x} at {where}") from None


def line_and_column(content: bytes, offset: int) -> str:
    """Spell the position of a byte as people count: ``line 3, column 14``."""
    line = content.count(b"\n", 0, offset) + 1
    start = content.rfind(b"\n", 0, offset) + 1
    return f"line {line:,}, column {len(content[start:offset].decode(errors='replace')) + 1:,}"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step: readers see the old content or the new, never a part.

    Raises
    ------
    OSError
        If it cannot be written; an old file is then unchanged and nothing is left behind.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a device or a pipe cannot be replaced
        return
    target = path.resolve()  # through a symbolic link, which stays
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).chmod(_mode_of(target))
        Path(draft).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise


def _mode_of(target: Path) -> int:
    """Return the old file's permissions, or those that a new file gets here."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
