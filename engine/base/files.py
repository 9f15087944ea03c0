"""Files and folders that only their owner can read, whatever the umask of the process is."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600


def private_folder(folder: Path) -> Path:
    """Create a folder, and each missing one above it, with mode 0700. Raises OSError."""
    missing = []
    place = folder
    while not place.exists():
        missing.append(place)
        place = place.parent
    for each in reversed(missing):
        each.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(20, "it is not a folder", str(folder))
    return folder


def private_file(path: Path) -> Path:
    """Create an empty file with mode 0600 where there is none, and take others' rights off one that is ours.

    Raises OSError.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    tighten(path)
    return path


def tighten(path: Path) -> None:
    """Take the rights of group and others off a regular file of this user; any other file is left as it is."""
    with contextlib.suppress(OSError):
        facts = path.lstat()
        if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid() and facts.st_mode & 0o077:
            path.chmod(stat.S_IMODE(facts.st_mode) & ~0o077)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step by one with mode 0600; the old one stays when this fails. Raises OSError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def is_gone(path: Path) -> bool:
    """Whether nothing is there any more; what cannot be looked at may be there."""
    try:
        os.lstat(path)  # PTH would cost a lease a microsecond
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def move_aside(path: Path) -> Path:
    """Rename a damaged file to `<name>.damaged-<time>`, in its folder; returns where it is now. Raises OSError."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    for number in range(100):
        target = path.with_name(f"{path.name}.damaged-{stamp}{f'-{number}' if number else ''}")
        if not target.exists():
            break
    return path.rename(target)


def entries(folder: Path) -> list[Path]:
    """What a folder holds at this moment; nothing when it is gone, is no folder or cannot be read.

    Unlike `Path.glob` it does not fail when somebody else removes something meanwhile.
    """
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def modified_at(path: Path) -> float:
    """When a file was last written, in seconds since 1970; 0 for one that is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def size_of(path: Path) -> int:
    """Bytes of a file; 0 for one that is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
