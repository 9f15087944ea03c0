"""`doctor` asks for no more than what was chosen needs; `socket` names where the engine listens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.headless import headless, quarterdeck


def test_doctor_is_content_with_the_simulator_alone(home: Path) -> None:
    done = quarterdeck(home, "doctor", "--backend", "simulator", PATH="/usr/bin:/bin")
    assert done.returncode == 0, done.stdout
    assert "needs no Claude Code CLI" in done.stdout


@pytest.mark.real_cli
def test_doctor_is_content_with_the_offline_model_without_credentials(home: Path, claude: Path) -> None:
    done = quarterdeck(home, "doctor", "--offline", "--json", "--set", f"claude.binary={claude}")
    assert done.returncode == 0, done.stdout
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert found["credentials"]["level"] == "ok"


def test_doctor_still_misses_what_the_real_thing_needs(home: Path) -> None:
    done = quarterdeck(home, "doctor", "--backend", "claude", "--json")
    assert done.returncode == 1
    assert "missing" in {row["level"] for row in json.loads(done.stdout)}


def test_socket_prints_where_the_engine_listens(home: Path) -> None:
    before = json.loads(quarterdeck(home, "socket", "--json").stdout)
    with headless(home) as engine:
        printed = quarterdeck(home, "socket").stdout
        assert printed == f"{engine.socket}\n"
        assert before == {"socket": str(engine.socket), "exists": False}
        assert json.loads(quarterdeck(home, "socket", "--json").stdout)["exists"] is True
