"""What the drawer says of where a session works."""

from __future__ import annotations

import pytest

from engine.events.state import SessionView
from tui.screens.session_lines import drawer

CONVERSATION = "11111111-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("cwd", "shown"),
    [
        ("", ""),
        (f"/srv/default/default/{CONVERSATION}", ""),
        ("/srv/repository", "/srv/repository"),
        ("/srv/" + "long/" * 20 + "end", "…long/long/long/long/end"),
        ("/srv/\x1b[31mred", "red"),
    ],
)
def test_a_directory_that_is_not_the_conversations_own_is_shown_by_its_end(cwd: str, shown: str) -> None:
    row = SessionView("s0001", conversation=CONVERSATION, cwd=cwd)
    lines = ["".join(text for text, _ in line) for line in drawer(row, None, [], 0.0, 0.0, 32, 40)]
    found = [line.removeprefix(" dir    ") for line in lines if line.startswith(" dir")]
    assert bool(found) == bool(shown)
    assert all(line.endswith(shown) and "\x1b" not in line for line in found)


def test_memory_is_shown_as_rss_and_as_pss_once_that_was_sampled() -> None:
    def shown(row: SessionView) -> str:
        lines = ["".join(text for text, _ in line) for line in drawer(row, None, [], 0.0, 0.0, 60, 40)]
        return next(line for line in lines if line.startswith(" cpu"))

    row = SessionView("s0001", cpu=3.0, rss=300 << 20, processes=2)
    assert "300M  2 processes" in shown(row)
    row.pss = 200 << 20
    assert "300M (pss 200M)  2 processes" in shown(row)
