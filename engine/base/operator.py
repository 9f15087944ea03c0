"""Who runs this process, also where that user has no name and no home, as with `docker run --user 12345`."""

from __future__ import annotations

import getpass
import os
import pwd
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path


def user_name() -> str:
    """The login name, or `uid-12345` for a user without one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def home_folder(environ: Mapping[str, str]) -> Path:
    """The user's home; for a user without a name, whose home cannot be written, a folder for temporary files.

    Containers give such a user `/`. The folder need not exist; one that somebody else could have filled is not taken.
    """
    named = environ.get("HOME", "")
    home = Path(named) if Path(named).is_absolute() else None
    if entry := _entry():
        return home or Path(entry.pw_dir)
    if home is not None and os.access(home, os.W_OK):
        return home
    fallback = Path(tempfile.gettempdir()) / f"quarterdeck-{os.getuid()}"
    return fallback if _free_or_ours(fallback) else home or Path("/")


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(os.getuid())
    except KeyError:
        return None


def _free_or_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
