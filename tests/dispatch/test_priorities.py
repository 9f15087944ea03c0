"""Who goes first among those who wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.flow.priorities import HEAD_STARTS, PriorityLine


def test_higher_priorities_go_first_then_arrival() -> None:
    line: PriorityLine[str] = PriorityLine()
    for now, (name, priority) in enumerate(
        [("a", "low"), ("b", "medium"), ("c", "low"), ("d", "urgent"), ("e", "high")]
    ):
        line.add(name, priority, float(now))
    assert list(line) == ["d", "e", "b", "a", "c"]


def test_a_low_one_is_passed_over_for_a_bounded_time() -> None:
    line: PriorityLine[str] = PriorityLine()
    line.add("low", "low", 0.0)
    line.add("in time", "urgent", HEAD_STARTS["low"] - 1)
    line.add("too late", "urgent", HEAD_STARTS["low"] + 1)
    assert list(line) == ["in time", "low", "too late"]


@given(st.lists(st.tuples(st.sampled_from([*HEAD_STARTS]), st.booleans()), max_size=30))
def test_what_leaves_is_gone_and_the_rest_stays_in_order(steps: list[tuple[str, bool]]) -> None:
    line: PriorityLine[object] = PriorityLine()
    kept: list[tuple[float, int, object]] = []
    for number, (priority, leaves) in enumerate(steps):
        one = object()
        line.add(one, priority, float(number))
        if leaves:
            line.remove(one)
            line.remove(one)
        else:
            kept.append((number + HEAD_STARTS[priority], number, one))
    assert list(line) == [one for _, _, one in sorted(kept, key=lambda entry: entry[:2])]
    assert (line.first() is None) is (len(line) == 0)
