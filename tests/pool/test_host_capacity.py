"""Whether the machine carries one more session: each resource refuses by itself and says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.launchers.host import HostFacts
from engine.pool.host_capacity import MIB, HostCapacityLimits, host_capacity

RICH = HostFacts(
    memory_free=100_000 * MIB,
    memory_used=0.1,
    cpu=0.1,
    files_free=100_000,
    inotify_limit=10_000,
    pids_free=100_000,
    disk_free=100_000 * MIB,
)
LIMITS = HostCapacityLimits(memory_floor=500 * MIB, disk_floor=200 * MIB, session_bytes=100 * MIB)
SCARCE = {
    "memory_free": (520 * MIB, "520 MiB of memory are free, 500 MiB are kept, a session takes 100 MiB"),
    "files_free": (66, "`ulimit -n`"),
    "inotify_limit": (6, "fs.inotify.max_user_instances is 6"),
    "pids_free": (270, "270 process ids"),
    "disk_free": (199 * MIB, "199 MiB of disk"),
}


@pytest.mark.parametrize("resource", SCARCE)
def test_each_scarce_resource_refuses_and_is_named(resource: str) -> None:
    amount, words = SCARCE[resource]
    refusal = host_capacity(replace(RICH, **{resource: amount}), 5, None, LIMITS)
    assert refusal.more == 0
    assert words in refusal.reason


def test_the_scarcest_resource_sets_how_many_fit() -> None:
    host = replace(RICH, memory_free=(500 + 700) * MIB, pids_free=256 + 24 * 3)
    fit = host_capacity(host, 5, None, LIMITS)
    assert (fit.more, "process ids" in fit.reason) == (3, True)
    assert host_capacity(replace(host, pids_free=None), 5, None, LIMITS).more == 7


def test_what_a_session_was_measured_to_take_counts_and_not_what_was_assumed() -> None:
    host = replace(RICH, memory_free=(500 + 700) * MIB)
    assert host_capacity(host, 5, 350.0 * MIB, LIMITS).more == 2


def test_what_has_no_limit_and_what_cannot_be_read_refuses_nothing() -> None:
    blind = replace(RICH, files_free=None, inotify_limit=None, pids_free=None, disk_free=None)
    assert host_capacity(blind, 5, None, LIMITS).more == 995


def test_inotify_counts_the_sessions_that_are_there() -> None:
    host = replace(RICH, inotify_limit=128)
    assert [host_capacity(host, size, None, LIMITS).more for size in (0, 100, 127, 200)] == [127, 27, 0, 0]
