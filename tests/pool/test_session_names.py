"""Ids of sessions: short, in order, and not those of another engine."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from engine.pool.session_names import SessionNames
from tests.support.engines import running
from tests.support.processes import until


def test_ids_count_up_and_sort_as_they_came() -> None:
    names = SessionNames(random.Random(1))
    made = [names.next() for _ in range(999)]
    assert made == sorted(made)
    assert {len(name) for name in made} == {6}
    assert names.next().endswith("1000")


def test_an_id_never_reads_as_a_number_or_has_letters_that_look_like_digits() -> None:
    for seed in range(200):
        name = SessionNames(random.Random(seed)).next()
        assert name[0].isalpha()
        assert not set("ilo10") & set(name[:3])


async def test_two_engines_name_their_sessions_differently(tmp_path: Path) -> None:
    warm = "session_pool.min_size=1"
    async with running(tmp_path / "one", warm) as one, running(tmp_path / "two", warm) as other:
        await until(lambda: bool(one.bus.state.sessions) and bool(other.bus.state.sessions))
        assert not one.bus.state.sessions.keys() & other.bus.state.sessions.keys()
        assert {view.host for view in one.bus.state.sessions.values()} == {socket.gethostname()}
