"""The commands that show and change a running engine, plain for people and scripts, JSON for programs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.tasks.checkpoints import Checkpoint, Checkpoints
from tests.support.headless import PROGRAM, Headless, environment_of, headless, quarterdeck
from tests.support.processes import runs, wait_until


@pytest.fixture
def engine(home: Path) -> Iterator[Headless]:
    """A running engine."""
    with headless(home) as running:
        yield running


def plain(engine: Headless, *arguments: str) -> list[list[str]]:
    """The cells that a command printed."""
    done = quarterdeck(engine.home, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split("\t") for line in done.stdout.splitlines()]


def as_json(engine: Headless, *arguments: str) -> Any:
    """The one JSON document that a command printed."""
    done = quarterdeck(engine.home, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_a_prompt_that_nobody_waits_for_is_read_back_by_its_id(engine: Headless) -> None:
    ((name,),) = plain(engine, "run", "--no-wait", "[[reply: later]]")
    wait_until(lambda: as_json(engine, "queue", "show", name).get("state") == "answered")
    assert as_json(engine, "queue", "show", name)["answer"]["text"] == "later"
    assert as_json(engine, "run", "--no-wait", "hello").keys() == {"request"}


@pytest.mark.parametrize("option", [["--stream"], ["--offline"], ["--backend", "simulator"]])
def test_no_wait_is_refused_where_nobody_would_keep_the_answer(engine: Headless, option: list[str]) -> None:
    done = quarterdeck(engine.home, "run", "--no-wait", *option, "hello")
    assert (done.returncode, "--no-wait" in done.stderr, done.stdout) == (2, True, "")


def test_no_wait_needs_a_running_engine(home: Path) -> None:
    assert quarterdeck(home, "run", "--no-wait", "hello").returncode == 3


def test_settings_are_shown_changed_listed_and_undone(engine: Headless) -> None:
    assert plain(engine, "config", "get", "session_pool.max_size") == [["10"]]
    assert plain(engine, "config", "set", "session_pool.max_size=20", "retry.jitter=none") == [
        ["session_pool.max_size", "10", "20"],
        ["retry.jitter", "full", "none"],
    ]
    assert engine.call("GET", "/api/pool")["pool"]["max_size"] == 20
    shown = {row[0]: row[1:] for row in plain(engine, "config", "show")}
    assert shown["session_pool.max_size"][0] == "20"
    assert shown["session_pool.max_size"][1].startswith("live by ")
    assert shown["engine.backend"] == ["simulator", "--set"]
    (change,) = as_json(engine, "config", "history")
    assert change["changes"]["session_pool.max_size"] == [10, 20]
    assert as_json(engine, "config", "undo")["changes"]["session_pool.max_size"] == [20, 10]
    assert engine.call("GET", "/api/pool")["pool"]["max_size"] == 10


def test_a_saved_change_survives_a_restart(home: Path) -> None:
    file = home / "config/quarterdeck/config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("# ours\nqueue: {max_waiting: 7}\n")
    with headless(home) as engine:
        assert plain(engine, "config", "set", "queue.max_waiting=9", "--save") == [["queue.max_waiting", "7", "9"]]
        plain(engine, "config", "set", "retry.jitter=none")
        assert plain(engine, "config", "save") == [[f"retry.jitter: saved in {file}."]]
    assert file.read_text().startswith("# ours\n")
    with headless(home) as engine:
        assert plain(engine, "config", "get", "queue.max_waiting") == [["9"]]
        assert plain(engine, "config", "get", "retry.jitter") == [["none"]]


def test_a_refused_change_changes_nothing(engine: Headless) -> None:
    done = quarterdeck(engine.home, "config", "set", "session_pool.max_size=20", "queue.max_waiting=-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "queue.max_waiting = -1" in done.stderr
    assert as_json(engine, "config", "history") == []
    assert quarterdeck(engine.home, "config", "undo").returncode == 2


def test_without_an_engine_the_settings_are_those_of_the_next_start(home: Path) -> None:
    folder = home / "config/quarterdeck"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("session_pool: {max_size: 7}\n")
    done = quarterdeck(home, "--set", "queue.max_waiting=9", "config", "show", "--json", CLAUDE_MODEL="opus")
    told = json.loads(done.stdout)
    keys = ("session_pool.max_size", "queue.max_waiting", "claude.model", "retry.max_attempts")
    assert [told["origins"][key] for key in keys] == [
        str(folder / "config.yaml"),
        "--set",
        "environment CLAUDE_MODEL",
        "default",
    ]
    assert (told["config"]["session_pool.max_size"], told["config"]["queue.max_waiting"]) == (7, 9)
    checked = quarterdeck(home, "config", "check")
    assert (checked.returncode, str(folder / "config.yaml") in checked.stdout) == (0, True)


def test_secrets_are_never_printed(home: Path) -> None:
    environment = {
        "ANTHROPIC_API_KEY": "sk-secret",
        "ENCRYPTION_KEY": "0" * 64,
        "DATABASE_URL": "postgres://me:secret@db/a",
    }
    for arguments in (
        ["config", "show"],
        ["config", "show", "--json"],
        ["config", "get", "credential.api_key"],
        ["doctor"],
    ):
        done = quarterdeck(home, *arguments, **environment)
        assert done.stdout
        assert "secret" not in done.stdout + done.stderr
        assert "0" * 64 not in done.stdout + done.stderr


def test_the_schema_is_a_schema_of_every_setting(home: Path) -> None:
    schema = json.loads(quarterdeck(home, "config", "schema").stdout)
    assert {"session_pool", "circuit_breaker", "engine", "api"} <= schema["properties"].keys()
    assert "session_pool.max_size" in quarterdeck(home, "config", "schema", "--markdown").stdout


def the_busy_one(engine: Headless) -> dict[str, Any]:
    """The session that runs a turn, once one does."""
    found: list[dict[str, Any]] = []

    def runs_a_turn() -> bool:
        found[:] = [row for row in engine.call("GET", "/api/sessions")["sessions"] if row["state"] == "running"]
        return bool(found)

    wait_until(runs_a_turn)
    (busy,) = found
    return busy


def test_sessions_are_listed_shown_stopped_and_killed(engine: Headless) -> None:
    assert plain(engine, "sessions") == []
    session = engine.call("POST", "/api/prompts", {"prompt": "hello", "user": "ada"})["prompt"]["session"]
    (row,) = plain(engine, "sessions", "list")
    assert (row[0], row[3]) == (session, "ada")
    assert as_json(engine, "sessions")[0]["id"] == session
    shown = dict(plain(engine, "sessions", "show", session))
    pid = int(shown["pid"])
    assert runs(pid)
    assert plain(engine, "sessions", "stop", session) == [[session, "stop", ""]]
    assert not runs(pid)

    engine.send("[[delay: 60s]]")
    busy = the_busy_one(engine)
    told = as_json(engine, "sessions", "kill", busy["id"])[busy["id"]]
    assert (told["killed"], len(told["requests"])) == (busy["id"], 1)
    assert not runs(busy["pid"])


def test_an_interrupt_ends_the_turn_and_the_session_stays(engine: Headless) -> None:
    engine.send("[[words: 900]] [[pace: 20ms]]", id="long")
    row = the_busy_one(engine)
    wait_until(lambda: engine.call("GET", f"/api/sessions/{row['id']}")["session"]["request"] == "long")
    assert plain(engine, "sessions", "interrupt", row["id"]) == [[row["id"], "interrupt"]]
    wait_until(lambda: engine.logged("request_ended"))
    assert engine.logged("request_ended")[0]["code"] == "interrupted"
    assert runs(row["pid"])


def test_an_unknown_session_is_wrong_usage(engine: Headless) -> None:
    done = quarterdeck(engine.home, "sessions", "show", "nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no session nobody." in done.stderr


def test_breakers_are_shown(engine: Headless) -> None:
    assert plain(engine, "breakers") == [["credential:default", "closed", "0", ""]]
    (shown,) = as_json(engine, "breakers")
    assert (shown["name"], shown["state"], shown["history"]) == ("credential:default", "closed", [])


def test_a_breaker_is_held_open_and_closed_by_hand(engine: Headless) -> None:
    assert plain(engine, "breakers", "open", "credential:default") == [["credential:default: forced_open"]]
    refused = quarterdeck(engine.home, "run", "x")
    assert (refused.returncode, "forced open by" in refused.stderr) == (1, True)
    assert plain(engine, "breakers", "close", "credential:default") == [["credential:default: closed"]]
    assert quarterdeck(engine.home, "run", "x").returncode == 0
    changes = plain(engine, "breakers", "show", "credential:default")
    assert [row[1:3] for row in changes] == [["closed", "forced_open"], ["forced_open", "closed"]]


def test_on_a_terminal_a_table_has_a_header_and_columns(engine: Headless) -> None:
    reader, terminal = os.openpty()
    arguments = [*PROGRAM, "breakers"]
    subprocess.run(arguments, stdout=terminal, cwd=engine.home, env=environment_of(engine.home), check=True)
    shown = os.read(reader, 65536).decode().replace("\x1b[2m", "").replace("\x1b[0m", "")
    os.close(terminal)
    os.close(reader)
    assert shown.splitlines() == [
        "BREAKER             STATE   RUNNING  BECAUSE",
        "credential:default  closed  0",
    ]


def test_doctor_names_what_is_missing_with_its_cure(home: Path) -> None:
    done = quarterdeck(home, "doctor", "--json", "--set", "claude.binary=/no/claude")
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert {name for name, finding in found.items() if finding["level"] == "missing"} >= {
        "Claude Code CLI",
        "credentials",
    }
    for finding in found.values():
        assert finding["level"] in {"ok", "warning", "missing"}
        assert bool(finding["remedy"]) == (finding["level"] != "ok")
    assert {"memory", "open files", "state folder", "terminal", "left-over processes"} <= found.keys()


@pytest.mark.real_cli
def test_doctor_is_content_with_a_machine_that_has_the_cli_and_a_key(home: Path, claude: Path) -> None:
    done = quarterdeck(home, "doctor", ANTHROPIC_API_KEY="sk-test")
    assert done.returncode == 0
    assert "✖" not in done.stdout
    assert str(claude) in done.stdout


def test_recoveries_are_run_by_hand_listed_and_counted(engine: Headless) -> None:
    (done,) = plain(engine, "recoveries", "run", "clean_resources", "engine")
    assert done == ["clean_resources at engine: cleaned 0 processes, 0 zombies, 0 locks, 0 files"]
    (row,) = as_json(engine, "recoveries")
    assert (row["strategy"], row["target"], row["ok"], row["running"]) == ("clean_resources", "engine", True, False)
    assert [cells[1:4] for cells in plain(engine, "recoveries", "list")] == [["clean_resources", "engine", "helped"]]
    rows = {cells[0]: cells[1:4] for cells in plain(engine, "recoveries", "strategies")}
    assert rows["clean_resources"] == ["engine", "1", "100%"]
    assert rows["park"] == ["credential", "0", "-"]
    failed = quarterdeck(engine.home, "recoveries", "run", "fail_fast", "engine")
    assert (failed.returncode, "nothing that the engine can do would help" in failed.stdout) == (1, True)
    refused = quarterdeck(engine.home, "recoveries", "run", "restart_proces", "engine")
    assert refused.returncode == 2
    assert "the nearest is restart_process" in refused.stderr


def test_a_prompt_names_its_user_its_priority_and_the_tags_of_its_answer(engine: Headless) -> None:
    ((name,),) = plain(engine, "run", "--no-wait", "--priority", "urgent", "--user", "ana", "[[delay: 20s]] x")
    (row,) = [row for row in as_json(engine, "queue") if row["id"] == name]
    assert (row["user"], row["priority"]) == ("ana", "urgent")
    plain(engine, "queue", "cancel", name)
    for _ in range(2):
        assert plain(engine, "run", "--cache-tag", "docs", "--cache-ttl", "60", "[[reply: kept]] x") == [["kept"]]
    first, _second = as_json(engine, "cache")
    assert (first["hits"], first["entries"]) == (1, 1)
    for unset in ("", "%"):  # a variable of the shell that was never set
        refused = quarterdeck(engine.home, "cache", "clear", "--tag", unset)
        assert (refused.returncode, "tag" in refused.stderr) == (2, True), refused.stderr
    assert as_json(engine, "cache", "clear", "--tag", "docs")["deleted"] == 2
    done = quarterdeck(engine.home, "run", "--cache-ttl", "0", "x")
    assert (done.returncode, "no time for an answer to be kept" in done.stderr) == (2, True)


def test_what_set_gives_counts_beside_a_running_engine(engine: Headless) -> None:
    assert plain(engine, "config", "get", "session_pool.max_size", "--set", "session_pool.max_size=7") == [["7"]]
    assert as_json(engine, "config", "show", "--set", "queue.max_waiting=9")["origins"]["queue.max_waiting"] == "--set"
    assert plain(engine, "config", "get", "session_pool.max_size") == [["10"]]


def test_what_is_not_used_yet_is_named_at_the_start_and_by_the_doctor(home: Path) -> None:
    folder = home / "config/quarterdeck"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("database: {url: 'sqlite:///x.db'}\nprofiles: {ci: {tenant: acme}}\n")
    with headless(home) as engine:
        rows = {row[0]: row[-1] for row in plain(engine, "profiles")}
        assert (rows["ci"], rows["default"]) == ("reachable once tokens land", "")
        done = quarterdeck(home, "config", "set", "database.url=sqlite:///y.db")
        assert (done.returncode, "not yet" in done.stderr) == (2, True)
    found = {finding["name"]: finding for finding in json.loads(quarterdeck(home, "doctor", "--json").stdout)}
    assert "not used before the store lands" in found["settings"]["found"]
    assert found["profile ci"]["found"] == "tenant acme: reachable once tokens land"


def test_checkpoints_are_listed_resumed_and_deleted(home: Path) -> None:
    with headless(home) as engine:
        state = Path(plain(engine, "config", "get", "engine.state_dir")[0][0])
        checkpoints = Checkpoints(state / "checkpoints")
        for request in ("r1", "r2"):
            checkpoints.save(Checkpoint(request, "test", time.time(), "[[reply: done]]", "default", "default", "ana"))
        assert [row[0] for row in plain(engine, "checkpoints")] == ["r1", "r2"]
        assert plain(engine, "checkpoints", "resume", "r1") == [["r1: resumed."]]
        assert plain(engine, "checkpoints", "delete", "r2") == [["r2: deleted."]]
        wait_until(lambda: as_json(engine, "checkpoints", "list") == [])
        refused = quarterdeck(home, "checkpoints", "resume", "r9")
        assert (refused.returncode, "There is no checkpoint of r9" in refused.stderr) == (2, True)
