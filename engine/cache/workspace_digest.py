"""What a workspace holds, in one word: an answer is equal only while the files that the agent could read are."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

FILES_MOST = 20_000
"""Files of a workspace that are looked at; the answers for a larger one are not cached."""
_INSIDE_GIT = {"HEAD", "index"}
"""What of `.git` tells that something changed."""


def workspace_digest(workspace: Path) -> str | None:
    """A digest of all files by path, size and time of change; None for a workspace that is too large or unreadable.

    Links are named and not followed. Reads no content: what was written back with the same size and time is not seen.
    """
    digest, count = hashlib.sha256(), 0
    try:
        for folder, folders, files in os.walk(workspace, onerror=_raise):
            folders.sort()
            files += [name for name in folders if Path(folder, name).is_symlink()]
            if ".git" in folders:
                folders.remove(".git")
                files += [f".git/{name}" for name in _INSIDE_GIT]
            count += len(files)
            if count > FILES_MOST:
                return None
            for name in sorted(files):
                digest.update(_facts(workspace, Path(folder, name)))
    except OSError:
        return None
    return digest.hexdigest()


def _facts(workspace: Path, path: Path) -> bytes:
    """Path, size and time of change; of a file that is not there, only its path."""
    try:
        facts = path.lstat()
        known = f"{facts.st_size} {facts.st_mtime_ns}"
    except FileNotFoundError:
        known = ""
    return f"{path.relative_to(workspace)}\0{known}\0".encode("utf-8", "surrogateescape")


def _raise(error: OSError) -> None:
    raise error
