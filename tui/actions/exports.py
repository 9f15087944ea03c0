"""Files that views are exported to: the operator's alone, and never written over another."""

from __future__ import annotations

import os
import time
from pathlib import Path

from engine.base.errors import BadInput, QuarterdeckError
from engine.base.files import private_folder

NUMBERED = 999
"""Files of one name that are kept apart by a number."""
_REMEDY = "Choose another folder; the path can be edited."


def file_name(view: str, at: float, kind: str) -> str:
    """`queue-20261120-140231.csv`: the view, the moment that it shows in local time, and what it is."""
    return f"{view}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(at))}.{kind}"


def place(typed: str, name: str) -> Path:
    """The file that a person means: in a folder it is called `name`. Raises BadInput."""
    try:
        path = Path(typed).expanduser().absolute()
        return path / name if typed.endswith("/") or path.is_dir() else path
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInput(f"{typed!r} is no path: {error}.", remedy=_REMEDY) from error


def write(path: Path, text: str, own: Path) -> Path:
    """Write a new file with mode 0600; the name gets a number where it is taken. Returns the file written.

    The folder `own` is made where it is missing, any other must be there. Raises BadInput for a path that cannot be,
    QuarterdeckError for one that cannot be written; nothing half written stays.
    """
    try:
        if path.parent == own:
            private_folder(own)
        path, handle = _created(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"Nothing is exported to {path}: {why}.", remedy=_REMEDY) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise QuarterdeckError(f"Nothing is exported to {path}: {error.strerror}.", remedy=_REMEDY) from error
    return path


def _created(wanted: Path) -> tuple[Path, int]:
    for number in range(1, NUMBERED + 1):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        try:
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue
    raise FileExistsError(0, f"there are {NUMBERED} files of this name already")
