"""What is asked of the Linux kernel: to adopt orphans, to end a child with its parent, and what a thread waits for."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import subprocess
import sys
from functools import cache

_PR_SET_CHILD_SUBREAPER = 36
_PROBE_S = 5.0
_WAITS_FOR_WRITER = "wait_for_partner"
"""Where the kernel holds who opens a named pipe that nobody writes to."""
_NOT_RUN = (126, 127)
"""Exit codes of a program that could not execute the next one."""
_TRAMPOLINE = (
    "import ctypes,os,resource,signal,sys;"
    "ctypes.CDLL(None).prctl(1,int(signal.SIGTERM),0,0,0);"
    "os.getppid()!={engine} and sys.exit(143);"
    "resource.setrlimit(resource.RLIMIT_NOFILE,{limit});"
    "os.execve(sys.argv[1],sys.argv[1:],os.environ)"
)


def become_subreaper() -> bool:
    """Make orphans below this process its children instead of init's; False where the kernel cannot."""
    if sys.platform != "linux":
        return False
    result: int = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return result == 0


def with_parent_death_signal(argv: tuple[str, ...]) -> tuple[str, ...]:
    """`argv` run so that it gets SIGTERM when the thread that spawns it ends; the pid stays the same.

    It has the limit of open files that the operator's processes have, not the engine's. `setpriv` and `prlimit`
    (util-linux) do it in two milliseconds; without them a bare interpreter does and costs about 20 ms.
    """
    if sys.platform != "linux":
        return argv
    limit = limit_for_children()
    setpriv, prlimit = setpriv_program(), shutil.which("prlimit") if limit else ""
    if setpriv is None or prlimit is None:
        limits = limit or resource.getrlimit(resource.RLIMIT_NOFILE)
        return (sys.executable, "-I", "-S", "-c", _TRAMPOLINE.format(engine=os.getpid(), limit=limits), *argv)
    lowered = (prlimit, f"--nofile={_limit_text(limit)}", "--") if limit else ()
    return (setpriv, "--pdeathsig", "TERM", "--", *lowered, *argv)


def waits_for_writer(pid: int) -> bool | None:
    """Whether a thread of the process waits in the opening of a named pipe; None where the kernel does not show it."""
    try:
        threads = [f"/proc/{pid}/task/{thread}/wchan" for thread in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208
        waits = {_read(path) for path in threads}
    except OSError:
        return None
    return _WAITS_FOR_WRITER in waits if waits - {"", "0"} else None


def _read(path: str) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path, encoding="ascii") as file:  # noqa: PTH123
        return file.read().strip()
    return ""


def setpriv_program() -> str | None:
    """The `setpriv` that knows the parent-death signal; BusyBox has one that does not."""
    found = shutil.which("setpriv")
    try:
        return found if found is not None and _knows_death_signal(found) else None
    except (OSError, subprocess.SubprocessError):  # no answer, as on a machine that is full: it is asked again
        return None


@cache
def _knows_death_signal(setpriv: str) -> bool:
    """Only answers are kept. Raises OSError or SubprocessError when there is none."""
    probe = [setpriv, "--pdeathsig", "TERM", "--", setpriv, "--version"]
    done = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_S, check=False)
    if done.returncode < 0 or done.returncode in _NOT_RUN:
        raise subprocess.CalledProcessError(done.returncode, probe)
    return done.returncode == 0


def _limit_text(limit: tuple[int, int]) -> str:
    return ":".join("unlimited" if each == resource.RLIM_INFINITY else str(each) for each in limit)


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
