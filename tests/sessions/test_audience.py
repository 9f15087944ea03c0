"""Who watches an answer grow, and when the agent must hear of it."""

from __future__ import annotations

from engine.sessions.audience import LOOKED_S, Audience


def test_an_agent_hears_of_its_watchers_only_when_that_changes() -> None:
    audience = Audience()
    assert audience.turn_begins(0.0, watched=True) is None
    assert audience.turn_begins(1.0, watched=False) is False
    assert audience.turn_begins(2.0, watched=False) is None
    assert audience.turn_begins(3.0, watched=True) is True


def test_an_open_transcript_is_a_watcher_at_once_and_for_a_while() -> None:
    audience = Audience()
    audience.turn_begins(0.0, watched=False)
    assert audience.look(100.0) is True
    assert audience.look(101.0) is None
    assert audience.turn_begins(101.0 + LOOKED_S / 2, watched=False) is None
    assert audience.turn_begins(101.0 + LOOKED_S, watched=False) is False
