"""Group `threads` and the collector's rows: locks that note who waited, collections that are counted."""

from __future__ import annotations

import gc
import threading

from engine.bench.garbage import Collections
from engine.bench.threads import WatchedLock


def hold(lock: WatchedLock, after: threading.Event | None = None) -> threading.Thread:
    """A thread that takes the lock once, after an event."""

    def take() -> None:
        if after is not None:
            after.wait()
        with lock:
            pass

    thread = threading.Thread(target=take)
    thread.start()
    return thread


def test_a_watched_lock_notes_who_waited_and_how_long() -> None:
    lock, held = WatchedLock(), threading.Event()
    waits = hold(lock, held)
    with lock:
        held.set()
        while not lock.wanted:
            pass
    waits.join()
    assert (lock.taken, lock.contended) == (2, 1)
    assert lock.waited > 0.0


def test_a_watched_lock_may_heed_one_thread_alone() -> None:
    lock = WatchedLock(threading.get_ident())
    hold(lock).join()
    with lock:
        pass
    assert (lock.taken, lock.contended) == (1, 0)


def test_collections_are_counted_by_generation_while_they_are_watched() -> None:
    with Collections() as watched:
        gc.collect(0)
        gc.collect(2)
    gc.collect(2)
    assert watched.counts[0] >= 1
    assert watched.counts[2] == 1
    assert 0.0 < watched.longest <= watched.seconds
