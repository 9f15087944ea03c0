"""The level of the log follows a live change."""

from __future__ import annotations

import pytest

from engine.events.types import EventEnvelope, Notice, Severity
from engine.log.event_log import EventLog


def test_a_live_change_of_the_level_acts_on_the_next_line(capfd: pytest.CaptureFixture[str]) -> None:
    log = EventLog("warning", "json")

    def write(text: str) -> None:
        log.write(EventEnvelope(1, 0.0, Notice(severity=Severity.INFO, text=text)))

    write("not yet")
    log.use("info")
    write("well")
    log.use("error")
    write("no more")
    assert log.writer.close(5.0)
    out = capfd.readouterr().out
    assert "well" in out
    assert "not yet" not in out
    assert "no more" not in out
