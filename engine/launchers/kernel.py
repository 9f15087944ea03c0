"""Two wishes to the Linux kernel: adopt the orphans of our children, and end a child when its parent dies."""

from __future__ import annotations

import ctypes
import shutil
import sys

_PR_SET_CHILD_SUBREAPER = 36
_TRAMPOLINE = (
    "import ctypes,os,signal,sys;"
    "ctypes.CDLL(None).prctl(1,int(signal.SIGTERM),0,0,0);"
    "os.getppid()==1 and sys.exit(143);"
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

    `setpriv` (util-linux) does it in a millisecond; without it a bare interpreter does and costs about 20 ms.
    """
    if sys.platform != "linux":
        return argv
    setpriv = shutil.which("setpriv")
    if setpriv is not None:
        return (setpriv, "--pdeathsig", "TERM", "--", *argv)
    return (sys.executable, "-I", "-S", "-c", _TRAMPOLINE, *argv)
