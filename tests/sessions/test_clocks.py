"""The clocks of a turn."""

from __future__ import annotations

from engine.sessions.clocks import CLOSING_S, TurnClocks, TurnLimits

LIMITS = TurnLimits(first_byte=10, inactivity=20, turn=100)


def test_the_first_byte_clock_stops_at_the_first_byte() -> None:
    clocks = TurnClocks(LIMITS, 0.0)
    assert clocks.next_deadline() == 10
    expired = clocks.expired(10.0)
    assert expired is not None
    assert (expired.clock, expired.setting) == ("first byte", "session_pool.first_byte_timeout")
    clocks.answered(5.0)
    assert clocks.expired(10.0) is None
    assert clocks.first_byte_at == 5.0


def test_progress_moves_the_inactivity_clock_and_nothing_moves_the_turn_clock() -> None:
    clocks = TurnClocks(LIMITS, 0.0)
    clocks.answered(1.0)
    for now in range(0, 100, 10):
        clocks.progressed(float(now))
        assert clocks.expired(float(now)) is None
    expired = clocks.expired(100.0)
    assert expired is not None
    assert expired.clock == "turn"


def test_a_person_may_take_longer_than_the_agent() -> None:
    clocks = TurnClocks(LIMITS, 0.0)
    clocks.wait_for_person(1.0, waiting=True)
    assert clocks.expired(1_000.0) is None
    assert clocks.next_deadline() is None
    clocks.wait_for_person(1_001.0, waiting=False)
    clocks.answered(1_001.0)
    assert clocks.next_deadline() == 1_021.0
    clocks.progressed(1_095.0)
    expired = clocks.expired(1_100.0)
    assert expired is not None
    assert expired.clock == "turn"


def test_a_prompt_that_queues_in_the_agent_is_not_silent() -> None:
    clocks = TurnClocks(LIMITS, 0.0)
    clocks.queue(0.0, queued=True)
    assert clocks.expired(50.0) is None
    assert clocks.silent_for(50.0) == 0.0
    clocks.queue(50.0, queued=False)
    assert clocks.next_deadline() == 60.0


def test_a_result_that_was_announced_is_not_waited_for_long() -> None:
    clocks = TurnClocks(LIMITS, 0.0)
    clocks.answered(1.0)
    clocks.closing()
    assert clocks.next_deadline() == CLOSING_S
