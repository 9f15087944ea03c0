"""What a command says of settings that it skipped goes through the helper that cleans."""

from __future__ import annotations

import io
import sys

import pytest

from tui.cli import settings_source


class Terminal(io.StringIO):
    """A terminal that keeps what it gets."""

    def isatty(self) -> bool:
        return True


def test_a_name_that_a_terminal_would_obey_is_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    settings_source._warn("/tmp/\x1b]0;owned\x07/.env is not read.", "Trust it.")
    assert "is not read. Trust it." in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()
