"""The limit of open files: raised for the engine, given back to the processes that it starts.

The limit belongs to the whole process, so this module remembers, once, what it was.
"""

from __future__ import annotations

import contextlib
import resource

_before: list[tuple[int, int]] = []


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one; for the application, never for a process that imports the library."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if not _before:
            _before.append((soft, hard))


def limit_for_children() -> tuple[int, int] | None:
    """The soft and hard limit that the operator's processes had, None where they inherit the right one."""
    return _before[0] if _before else None


def descriptor_limit() -> int | None:
    """The descriptors that this process may have, None for any number."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
