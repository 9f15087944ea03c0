"""What Quarterdeck does to its own process where it is the program, and what its children get back of it.

Nothing here happens to a process that only imports the engine: `become_program` is called by the command line alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

PRIVATE_UMASK = 0o077
INHERIT = -1
"""The umask of a child that simply has ours, as `subprocess` takes it."""
_M_ARENA_MAX = -8
_PR_SET_DUMPABLE = 4


@dataclass(frozen=True, slots=True)
class HostProcess:
    """What the operator's shell gave the program: umask and environment."""

    umask: int
    environ: Mapping[str, str]


_operator: HostProcess | None = None
"""A process has one umask and one environment, so that this is a fact of the module."""


def become_program() -> None:
    """Keep what the operator's shell gave; from now on what this process writes is its owner's alone."""
    global _operator  # noqa: PLW0603 - see above
    if _operator is None:
        given = MappingProxyType(dict(os.environ))
        _operator = HostProcess(os.umask(PRIVATE_UMASK), given)


def child_umask() -> int:
    """The umask for agents and tools: the operator's."""
    return _operator.umask if _operator is not None else INHERIT


def environment() -> Mapping[str, str]:
    """The environment that the program was started with, with the secrets that `hide` took out of `os.environ`."""
    return _operator.environ if _operator is not None else os.environ


def hide(names: Iterable[str]) -> None:
    """Take variables out of `os.environ`, and their text out of the memory that /proc/PID/environ shows.

    Only the program does this; `environment` still has them.
    """
    if _operator is None:
        return
    for name in names:
        if name in os.environ:
            _wipe(name)
            del os.environ[name]


def shield() -> bool:
    """Keep other processes of this user from reading the program's memory and environment; they could by default.

    Processes that it starts are not concerned. False where nothing was done: a library, another system.
    """
    if _operator is None or sys.platform != "linux":
        return False
    import ctypes

    result: int = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return result == 0


def one_heap() -> bool:
    """Let all threads allocate from one heap: each of their own keeps what was free in it for ever.

    Python lets one thread run at a time, so they seldom meet there. False where nothing was done.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    tune = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc alone has it, and musl one that does nothing
    return tune is not None and bool(tune(_M_ARENA_MAX, 1))


def _wipe(name: str) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    address = library.getenv(os.fsencode(name))
    if address:
        ctypes.memset(address, 0, len(ctypes.string_at(address)))


def python_module(module: str) -> tuple[str, ...]:
    """The start of a command line that runs a module of ours; a `click.py` in the current folder is not imported."""
    return (sys.executable, "-P", "-m", module)
