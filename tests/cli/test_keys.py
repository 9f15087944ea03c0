"""`quarterdeck keys`: every action with the key in force, and what keys.toml gets wrong."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.headless import quarterdeck
from tui.actions.registry import ACTIONS


def keys_file(home: Path, text: str) -> Path:
    """The operator's own keys."""
    path = home / "config" / "quarterdeck" / "keys.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_every_action_is_listed_with_the_key_in_force(home: Path) -> None:
    keys_file(home, 'session.kill = "X"\nview.nothing = "y"\n')
    done = quarterdeck(home, "keys", "--json")
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 0
    assert list(rows) == [action.id for action in ACTIONS]
    assert rows["session.kill"] == {
        "id": "session.kill", "key": "X", "keys": ["X"], "scope": "Sessions", "text": "kill it", "acts": True,
        "changed": True,
    }  # fmt: skip
    assert rows["console.leave"]["keys"] == ["q", "ctrl+q", "ctrl+c"]
    assert "keys.toml: There is no action 'view.nothing'" in done.stderr
    plain = quarterdeck(home, "keys").stdout.splitlines()
    assert "session.kill\tX *\tSessions\tkill it" in plain
    assert len(plain) == len(ACTIONS)


def test_a_keys_file_is_checked(home: Path) -> None:
    assert "the keys are as they came" in quarterdeck(home, "keys", "check").stdout
    path = keys_file(home, 'session.kill = "X"\n')
    done = quarterdeck(home, "keys", "check")
    assert (done.returncode, done.stdout) == (0, f"All keys are well ({path}: 1 changed).\n")
    path.write_text('session.kill = "S"\n')
    done = quarterdeck(home, "keys", "check")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Clash: S in Sessions: sessions.reverse and session.kill" in done.stderr
    assert "→ `quarterdeck keys`" in done.stderr
    done = quarterdeck(home, "keys", "check", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["ok"] is False
    done = quarterdeck(home, "keys", "check", str(home / "none.toml"))
    assert (done.returncode, "There is no file" in done.stderr) == (2, True)
