"""Whether a thread used CPU since it was last looked at, by the kernel's clock of that thread."""

from __future__ import annotations

import sys
import time


class ThreadCpu:
    """The clocks of the threads of this process as they were read last; on Linux, elsewhere nothing is known.

    A clock's number is made from the thread's, as in Linux `include/linux/posix-timers.h` (`make_thread_cpuclock`):
    unlike pthread_getcpuclockid(3) it is an error, and no crash, for a thread that has ended.
    """

    def __init__(self) -> None:
        self._read: dict[int, float] = {}

    def used(self, native_id: int | None, least: float) -> bool | None:
        """Whether the thread used CPU since the last call, `least` seconds of it; None where that is not known.

        It is not known on the first call.
        """
        if native_id is None or sys.platform != "linux":
            return None
        try:
            now = time.clock_gettime((~native_id << 3) | 6)
        except OSError:
            self._read.pop(native_id, None)
            return None
        before, self._read[native_id] = self._read.get(native_id), now
        return None if before is None else now - before >= least

    def keep(self, native_ids: set[int]) -> None:
        """Drop the clocks of all other threads."""
        for gone in self._read.keys() - native_ids:
            del self._read[gone]
