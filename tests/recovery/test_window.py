"""The window of a breaker: what leaves it, and what stays when its length changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.recovery.breakers.window import Window


@pytest.mark.parametrize(("seconds", "kept"), [(5, 2), (10, 3), (20, 3), (1, 1)])
def test_a_resized_window_keeps_the_votes_of_its_newest_seconds(seconds: int, kept: int) -> None:
    window = Window(10)
    for second in (92, 97, 100):
        window.add(second, failed=True)
    window.resize(seconds)
    assert (window.total.calls, window.total.failures) == (kept, kept)
    window.advance(100 + seconds)
    assert window.total.calls == 0


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=50), st.integers(1, 30), st.integers(1, 30))
def test_a_resized_window_counts_like_one_that_always_had_its_length(
    votes: list[tuple[int, bool]], before: int, after: int
) -> None:
    resized, always = Window(before), Window(min(before, after))
    for second, failed in sorted(votes):
        resized.add(second, failed=failed)
        always.add(second, failed=failed)
    resized.resize(after)
    assert (resized.total.calls, resized.total.failures) == (always.total.calls, always.total.failures)
