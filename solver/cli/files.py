"""Files that the command line writes: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step: readers see the old content or the new, never a part.

    Raises
    ------
    OSError
        If it cannot be written; the old file is then unchanged and nothing is left behind.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a device or a pipe takes no rename
        return
    target = path.resolve()
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
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
