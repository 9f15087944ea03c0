"""The clocks of a turn."""

from __future__ import annotations

from engine.sessions.clocks import TurnClocks, TurnLimits

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
    clocks.hold(1.0, waiting=True)
    assert clocks.expired(90.0) is None
    clocks.hold(90.0, waiting=False)
    clocks.answered(90.0)
    assert clocks.next_deadline() == 100
