"""Folders of files, written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from formulations.errors import InputError


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder in one step: it appears complete or not at all.

    Parameters
    ----------
    path : Path
        Must not exist, or be an empty folder.
    files : mapping of str to bytes
        Contents by relative path with forward slashes.

    Raises
    ------
    InputError
        If something is there already.
    OSError
        If it cannot be written; nothing is left behind.
    """
    check_vacant(path)
    target = path.resolve()
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:100]}."))
    try:
        for name, content in files.items():
            file = draft.joinpath(*name.split("/"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        draft.chmod(0o777 & ~_mask())
        draft.replace(target)  # onto an empty folder, too
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def check_vacant(path: Path) -> None:
    """Refuse a path where a new folder would meet something old.

    Raises
    ------
    InputError
        Saying what is there.
    """
    if path.is_dir():
        if any(path.iterdir()):
            raise InputError("is a folder that holds files already; expected a new or an empty one", file=str(path))
    elif path.exists() or path.is_symlink():
        raise InputError("is a file; expected a new or an empty folder", file=str(path))
    elif not path.absolute().parent.is_dir():
        raise InputError(f"{path.absolute().parent} is no folder", file=str(path))


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
