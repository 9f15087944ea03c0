"""The queue: who is dropped when it is full, who has no hope, what those who wait may expect."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from engine.base.errors import DeadlinePassed, QueueFull
from engine.flow.codel import Codel
from engine.flow.drain_rate import DrainRate
from engine.flow.queue_limits import LaneLimits, QueueLimits, queue_limits
from engine.flow.wait_queue import FairQueue
from engine.settings.schema import Settings

USUAL = queue_limits(Settings())


def queue(**changes: object) -> FairQueue[str]:
    """A queue with these bounds."""
    return FairQueue(replace(USUAL, **changes))  # type: ignore[arg-type]


def add(waiting: FairQueue[str], name: str, priority: str = "medium", now: float = 0.0, **more: float) -> list[str]:
    """Let one wait; who left for it."""
    gone = waiting.make_room(priority, now)
    for victim, error in gone:
        assert isinstance(error, QueueFull)
        waiting.remove(victim, now)
    waiting.add(name, priority, now, tenant="t", user="u", **more)
    return [victim for victim, _error in gone]


def test_a_full_queue_refuses_the_new_one_with_429_and_when_to_come_back() -> None:
    waiting = queue(max_waiting=2)
    add(waiting, "a")
    add(waiting, "b")
    with pytest.raises(QueueFull, match="2 requests wait already, as many as may") as refused:
        add(waiting, "c")
    error = refused.value
    assert (error.http_status, error.code, error.retryable) == (429, "queue_full", True)
    assert error.retry_after is not None
    assert error.retry_after >= 1.0
    assert "queue.max_waiting" in error.remedy


def test_a_queue_without_room_names_the_setting_and_not_a_number_that_waits() -> None:
    with pytest.raises(QueueFull, match=r"`queue\.max_waiting` lets no request wait"):
        add(queue(max_waiting=0), "a")


def test_drop_oldest_lets_the_new_one_in() -> None:
    waiting = queue(max_waiting=2, drop="drop_oldest")
    add(waiting, "a", "urgent")
    add(waiting, "b")
    assert add(waiting, "c") == ["a"]
    assert list(waiting) == ["b", "c"]


def test_drop_lowest_spares_whoever_is_as_high_as_the_new_one() -> None:
    waiting = queue(max_waiting=3, drop="drop_lowest")
    for name, priority in (("high", "high"), ("low 1", "low"), ("low 2", "low")):
        add(waiting, name, priority)
    assert add(waiting, "medium") == ["low 2"]
    assert add(waiting, "urgent", "urgent") == ["low 1"]
    with pytest.raises(QueueFull):
        add(waiting, "another medium")
    assert waiting.dropped == {"full": 3}


def test_a_full_priority_is_its_own_affair() -> None:
    lanes = {**USUAL.lanes, "low": LaneLimits(1.0, 2, "drop_oldest"), "high": LaneLimits(4.0, 1, "queue")}
    waiting = queue(lanes=lanes)
    add(waiting, "medium")
    for name in ("low 1", "low 2"):
        add(waiting, name, "low")
    assert add(waiting, "low 3", "low") == ["low 1"]
    add(waiting, "high", "high")
    with pytest.raises(QueueFull, match="1 requests of priority high wait already"):
        add(waiting, "high 2", "high")


def test_what_cannot_begin_before_its_deadline_is_told_early() -> None:
    waiting = queue()
    for number in range(40):
        add(waiting, f"w{number}", deadline=1e9)
    add(waiting, "hopeless", deadline=70.0)
    add(waiting, "patient", deadline=500.0)
    assert waiting.shed(1.0) == []  # nothing is known of the pace yet
    for number in range(5):
        waiting.remove(f"w{number}", 5.0 * (number + 1), served=True)
    ((who, error),) = waiting.shed(25.0)
    assert who == "hopeless"
    assert isinstance(error, DeadlinePassed)
    assert "35 requests are before it, and it would wait about 180 s" in error.message
    assert waiting.dropped == {"hopeless": 1}


def test_the_expected_wait_is_the_position_over_the_pace() -> None:
    waiting = queue()
    for number in range(20):
        add(waiting, f"w{number}")
    for number in range(4):
        waiting.remove(f"w{number}", 2.0 * number, served=True)
    found = list(waiting.expectations(6.0))
    assert found[9] == ("w13", 10, pytest.approx(20.0))
    reading = waiting.reading(6.0)
    assert reading.drain_time == pytest.approx(32.0)
    assert reading.throughput == pytest.approx(0.5)


def test_an_empty_queue_says_so() -> None:
    reading = queue().reading(5.0)
    assert (reading.waiting, reading.drain_time, reading.throughput) == (0, 0.0, None)
    assert [lane.name for lane in reading.lanes] == ["urgent", "high", "medium", "low"]
    assert [lane.weight for lane in reading.lanes] == [8.0, 4.0, 2.0, 1.0]


def test_codel_drops_while_every_wait_is_too_long_and_faster_the_longer_that_lasts() -> None:
    codel = Codel(target=5.0, interval=100.0)
    assert not codel.drops(6.0, 0.0)
    assert not codel.drops(4.0, 50.0)  # one short wait is enough
    assert not codel.drops(6.0, 60.0)
    assert not codel.drops(6.0, 159.0)
    dropped = [now for now in range(160, 500) if codel.drops(6.0, float(now))]
    assert dropped[0] == 160
    gaps = [after - before for before, after in itertools.pairwise(dropped)]
    assert gaps[:3] == [100, 71, 58]
    assert not codel.drops(None, 600.0)


def test_the_queue_drops_by_codel_where_its_strategy_says_so() -> None:
    waiting = queue(drop="codel", codel_target=5.0, codel_interval=10.0, aging=0.0)
    for number in range(3):
        add(waiting, f"w{number}")
    assert [waiting.shed(float(now)) for now in (1, 6, 15)] == [[], [], []]
    ((who, error),) = waiting.shed(16.0)
    assert who == "w0"
    assert "waited 16 s while every wait was above 5 s" in error.message


def test_other_bounds_hold_at_once_and_send_nobody_away() -> None:
    waiting = queue(max_waiting=3)
    for name in ("a", "b", "c"):
        add(waiting, name)
    waiting.configure(replace(USUAL, max_waiting=1))
    assert len(waiting) == 3
    assert waiting.full


def test_a_pace_is_not_known_from_two_and_fades_while_nothing_moves() -> None:
    rate = DrainRate()
    rate.served(0.0)
    rate.served(1.0)
    assert rate.a_second(1.0) is None
    rate.served(2.0)
    assert rate.a_second(2.0) == pytest.approx(1.0)
    assert rate.a_second(3.0) == pytest.approx(1.0)
    stalled = rate.a_second(100.0)
    assert stalled is not None
    assert stalled < 0.03
    rate.idle()
    assert rate.a_second(100.0) is None


def test_those_whose_requests_are_dear_are_expected_to_be_so_again() -> None:
    waiting = queue()
    waiting.ended("t", "dear", 60.0)
    waiting.ended("t", "cheap", 1.0)
    for number in range(10):
        for user in ("dear", "cheap"):
            waiting.add(f"{user} {number}", "medium", 0.0, tenant="t", user=user)
    assert [name.split()[0] for name in waiting][2:8] == ["cheap"] * 6


def test_the_settings_state_the_bounds() -> None:
    assert QueueLimits().max_waiting == USUAL.max_waiting == 1000
    assert USUAL.strategy("low") == "reject"
    assert replace(USUAL, drop="codel").strategy("low") == "codel"


def test_what_others_wait_for_says_nothing_of_what_one_may_expect() -> None:
    """A hundred wait for sessions of a profile that is held; those of another profile go on."""
    waiting = queue()
    for number in range(100):
        waiting.add(f"held {number}", "medium", 0.0, tenant="t", user=f"u{number}", group="held")
    for number in range(6):
        waiting.add(f"moves {number}", "low", 0.0, tenant="t", user="u", group="moves", deadline=40.0)
    for number in range(4):
        waiting.remove(f"moves {number}", 2.0 * (number + 1), served=True)
    assert waiting.shed(8.0) == []  # the fifth and sixth of their group go in 2 and 4 s, whoever stands before them
    assert [wait for item, _, wait in waiting.expectations(8.0) if item.startswith("moves")] == [2.0, 4.0]
    assert {wait for item, _, wait in waiting.expectations(8.0) if item.startswith("held")} == {None}


def test_what_was_charged_too_much_is_given_back_to_the_last_second() -> None:
    """Whatever was guessed meanwhile: the sum of what a user is charged is what it used."""
    waiting = queue()
    add(waiting, "somebody waits")
    for seconds in (1.0, 50.0, 3.0):
        waiting.passed("medium", "t", "ana")
        waiting.ended("t", "ana", seconds)
    flows = waiting._line._lanes["medium"].tenants["t"]
    assert flows.ends["ana"] == pytest.approx(54.0)
