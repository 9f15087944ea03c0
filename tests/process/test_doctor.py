"""`doctor` names files that others can read, and a listener that others can overhear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.backends.claude import cli_version
from engine.base.loopback import is_loopback
from engine.pool.wake_checks import MOST_TRIES, WakeChecks, agent_name, verdicts_file
from engine.settings.schema import Api
from engine.settings.unused import exposure
from tests.support.headless import headless, quarterdeck


def found(home: Path, name: str, *options: str) -> list[dict[str, Any]]:
    rows = json.loads(quarterdeck(home, "doctor", "--json", *options).stdout)
    return [row for row in rows if row["name"] == name]


def test_wrong_modes_are_named_with_the_cure(home: Path) -> None:
    with headless(home) as engine:
        engine.send("hello")
    assert [row["level"] for row in found(home, "file modes")] == ["ok"]
    database = next((home / "state").rglob("*.db"))
    database.chmod(0o644)
    (row,) = found(home, "file modes")
    assert (row["level"], str(database) in row["found"], "0644" in row["found"]) == ("warning", True, True)
    assert row["remedy"].startswith("`chmod go-rwx ")


@pytest.mark.parametrize(("mode", "level"), [(0o600, "ok"), (0o640, "warning"), (0o644, "warning")])
@pytest.mark.parametrize("name", ["config.yaml", ".env"])
def test_a_settings_file_with_a_secret_is_its_owners_alone(home: Path, name: str, mode: int, level: str) -> None:
    file = home / "config/quarterdeck" / name
    file.parent.mkdir(parents=True)
    file.write_text("credential: {api_key: sk-1}" if name == "config.yaml" else "ANTHROPIC_API_KEY=sk-1\n")
    file.chmod(mode)
    (row,) = found(home, "file modes")
    assert (row["level"], str(file) in row["found"]) == (level, level == "warning")


@pytest.mark.real_cli
@pytest.mark.parametrize(
    ("verdict", "level", "sentence"),
    [
        (None, "ok", "are tried with"),
        ("", "ok", "are woken by parked processes"),
        ("it lost the history", "warning", "cannot be parked: it lost the history"),
    ],
)
def test_whether_conversations_are_woken_by_parked_processes(
    home: Path, claude: Path, verdict: str | None, level: str, sentence: str
) -> None:
    if verdict is not None:
        checks = WakeChecks(verdicts_file(home / "state/quarterdeck"))
        agent = agent_name("claude", cli_version(claude))
        for _ in range(MOST_TRIES):
            if verdict:
                checks.failed(agent, verdict)
            else:
                checks.passed(agent)
    (row,) = found(home, "wake", "--set", f"claude.binary={claude}")
    assert (row["level"], sentence in row["found"]) == (level, True)
    (row,) = found(home, "wake", "--set", f"claude.binary={claude}", "--set", "session_pool.wake_spares=0")
    assert "wake_spares" in row["found"]


def test_a_listener_in_clear_text_beyond_this_machine_is_a_warning(home: Path) -> None:
    (row,) = found(home, "API", "--set", "api.host=0.0.0.0", "--set", "api.port=8123")
    assert (row["level"], "without TLS" in row["found"], "ssh -L" in row["remedy"]) == ("warning", True, True)
    assert found(home, "API", "--set", "api.port=8123") == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "engine.example"])
def test_whatever_is_not_this_machine_is_exposed(host: str) -> None:
    assert not is_loopback(host)
    assert [*exposure(Api(host=host, port=8123))]
    assert not [*exposure(Api(host=host))]


def test_it_is_told_at_the_start(home: Path) -> None:
    from tests.api.serving import free_port

    settings = ("api.host=0.0.0.0", f"api.port={free_port()}")
    with headless(home, settings=settings) as engine:
        assert "without TLS" in engine.output
