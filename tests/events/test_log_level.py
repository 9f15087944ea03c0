"""The level of the log follows a live change."""

from __future__ import annotations

import pytest

from engine.events.types import Notice, Severity, Stamped
from engine.log import EventLog


def test_a_live_change_of_the_level_acts_on_the_next_line(capsys: pytest.CaptureFixture[str]) -> None:
    log = EventLog("warning", "json")
    line = Stamped(1, 0.0, Notice(severity=Severity.INFO, text="well"))
    log.write(line)
    assert capsys.readouterr().out == ""
    log.use("info")
    log.write(line)
    assert "well" in capsys.readouterr().out
    log.use("error")
    log.write(line)
    assert capsys.readouterr().out == ""
