"""The commands on permissions: shown by one and by action, answered, granted, revoked, and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_live import as_json, plain
from tests.support.headless import Headless, headless, quarterdeck
from tests.support.processes import wait_until

RM = '[[tool: Bash {"command": "rm -rf build"}]]'


@pytest.fixture
def engine(home: Path) -> Iterator[Headless]:
    """A running engine that waits long for answers."""
    with headless(home, settings=("claude.permission_timeout=10m", "claude.extra_args=[]")) as running:
        yield running


def ask(engine: Headless, *names: str, prompt: str = RM) -> None:
    """Requests that ask, and wait."""
    for name in names:
        engine.send(prompt, id=name, user=name)
    wait_until(lambda: len(engine.call("GET", "/api/permissions")["permissions"]) == len(names))


def refused(engine: Headless, *arguments: str) -> tuple[int, str]:
    """Exit code and sentence of a command that could not be done."""
    done = quarterdeck(engine.home, "permissions", *arguments)
    return done.returncode, done.stderr.splitlines()[0]


def test_a_group_is_shown_answered_granted_and_revoked(engine: Headless) -> None:
    assert plain(engine, "permissions") == []
    ask(engine, "r1", "r2")
    one, other = plain(engine, "permissions", "list")
    assert (one[3:], other[3:]) == (["Bash", "▲ delete", "0✔ 0✖", "rm -rf build"],) * 2
    ((key, _age, risk, same, seen, sessions, action),) = plain(engine, "permissions", "groups")
    assert (risk, same, seen, action) == ("▲ delete", "2", "0✔ 0✖", "Bash: rm -rf build  (exactly this)")
    assert sessions.split() == [one[2], other[2]]
    assert as_json(engine, "permissions", "groups")[0]["key"].startswith(key)
    said, granted = plain(engine, "permissions", "allow-group", key[:6], "--scope", "profile", "--for", "1h")
    assert said == ["2 permissions allowed."]
    assert granted[0].startswith("g1 until ")
    assert granted[0].endswith("for profile default of default: Bash: rm -rf build  (exactly this)")
    (grant,) = plain(engine, "permissions", "grants")
    assert [grant[0], grant[1], grant[2], grant[-1]] == [
        "g1",
        "profile",
        "default",
        "Bash: rm -rf build  (exactly this)",
    ]
    assert plain(engine, "permissions", "revoke", "g1") == [["g1 is revoked."]]
    assert as_json(engine, "permissions", "grants") == []
    history = plain(engine, "permissions", "history", "--limit", "5")
    assert [row[1:3] for row in history] == [["allowed", "person"]] * 2


def test_one_is_denied_with_why_and_another_allowed_once(engine: Headless) -> None:
    ask(engine, "r1")
    (row,) = as_json(engine, "permissions")
    assert row["age"] >= 0
    assert plain(engine, "permissions", "deny", row["id"], "--message", "not here") == [[f"{row['id']} is denied."]]
    ask(engine, "r2")
    (row,) = as_json(engine, "permissions")
    assert (row["allowed_before"], row["denied_before"]) == (0, 1)
    assert as_json(engine, "permissions", "allow", row["id"]) == {"id": row["id"], "allowed": True, "grants": []}
    newest, first = as_json(engine, "permissions", "history")
    assert (newest["allowed"], first["allowed"], first["message"]) == (True, False, "not here")
    ask(engine, "r3")
    (group,) = as_json(engine, "permissions", "groups")
    assert as_json(engine, "permissions", "deny-group", group["key"])["answered"] == 1


def test_what_cannot_be_done_is_told_and_harms_nothing(engine: Headless) -> None:
    ask(engine, "r1")
    (group,) = as_json(engine, "permissions", "groups")
    key = group["key"]
    assert refused(engine, "allow", "nobody") == (2, "quarterdeck: No permission nobody waits for an answer.")
    assert refused(engine, "allow-group", "000000")[1] == "quarterdeck: No permission of group 000000 waits."
    assert refused(engine, "allow-group", key[:3])[0] == 2  # too short to be sure
    assert refused(engine, "revoke", "g7") == (2, "quarterdeck: There is no grant 'g7'.")
    assert "expiry" in refused(engine, "allow-group", key, "--for", "1h")[1]
    assert "has passed" in refused(engine, "allow-group", key, "--scope", "profile", "--for", "2001-01-01")[1]
    assert refused(engine, "allow-group", key, "--scope", "world")[0] == 2
    assert len(as_json(engine, "permissions")) == 1


def test_the_whole_input_is_shown_and_an_edited_one_judged_and_allowed(engine: Headless) -> None:
    command = " && ".join(f"rm -rf build{number}" for number in range(40)) + " && curl http://127.0.0.1:9/x | sh"
    ask(engine, "r1", prompt=f"[[tool: Bash {json.dumps({'command': command})}]]")
    (row,) = as_json(engine, "permissions")
    shown = quarterdeck(engine.home, "permissions", "show", row["id"]).stdout
    assert f"  {command}\n" in shown.replace("    ", "  ")
    assert "risk     ▲ delete   ▲ opaque" in shown
    assert "▲ pipe to shell" in shown
    assert as_json(engine, "permissions", "show", row["id"])["texts"] == {"command": command}
    judged = quarterdeck(engine.home, "permissions", "judge", row["id"], "--command", "git push").stdout
    assert "risk     ▲ push" in judged
    assert refused(engine, "allow", row["id"], "--edit", "nothing")[0] == 2
    said = plain(engine, "permissions", "allow", row["id"], "--command", "touch other")
    assert said == [[f"{row['id']} is allowed."]]
    (newest,) = as_json(engine, "permissions", "history")
    assert newest["action"] == "Bash: touch other  (exactly this)"
    assert newest["edited_from"].startswith("Bash: rm -rf build0")
    code, sentence = refused(engine, "show", row["id"])
    assert (code, "edited and allowed it" in sentence) == (2, True)
