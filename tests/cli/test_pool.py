"""The commands on the pool's size, sessions and profiles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_live import as_json, plain
from tests.support.headless import Headless, headless, quarterdeck
from tests.support.processes import runs, wait_until


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headless]:
    """A running engine for all these tests: starting one takes a second."""
    with headless(tmp_path_factory.mktemp("home")) as running:
        yield running


def test_the_size_is_set_by_hand_and_given_back_to_the_load(engine: Headless) -> None:
    (row,) = plain(engine, "scale", "3")
    assert (row[1], row[2]) == ("3", "asked for by hand")
    wait_until(lambda: engine.call("GET", "/api/pool")["pool"]["idle"] == 3)
    assert as_json(engine, "scale", "off")["reason"] == "autoscaling is off"
    assert engine.call("GET", "/api/config")["config"]["session_pool.auto_scaling.enabled"] is False
    assert as_json(engine, "scale", "auto")["max_size"] == 10
    assert engine.call("GET", "/api/config")["config"]["session_pool.auto_scaling.enabled"] is True


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("-1", "cannot be scaled to -1: it may have 0 to 10 sessions"),
        ("11", "cannot be scaled to 11: it may have 0 to 10 sessions"),
        ("many", "'many' is no size"),
    ],
)
def test_a_size_that_cannot_be_is_wrong_usage_with_its_remedy(engine: Headless, size: str, words: str) -> None:
    done = quarterdeck(engine.home, "scale", size)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "session_pool.max_size" in done.stderr or "whole number" in done.stderr


def test_a_session_is_recycled_and_a_profile_drained_and_resumed(engine: Headless) -> None:
    session = engine.call("POST", "/api/prompts", {"prompt": "hello"})["prompt"]["session"]
    pid = engine.call("GET", f"/api/sessions/{session}")["session"]["pid"]
    assert plain(engine, "sessions", "recycle", session, "--deadline", "5") == [[session, "recycled"]]
    assert not runs(pid)

    engine.call("POST", "/api/prompts", {"prompt": "hello"})
    assert as_json(engine, "profiles")[0]["name"] == "default"
    assert plain(engine, "profiles")[0][0] == "default"
    drained = as_json(engine, "profiles", "drain", "default")
    assert drained["profile"] == "default"
    assert drained["sessions"] >= 1
    assert engine.call("GET", "/api/sessions")["sessions"] == []
    assert plain(engine, "profiles", "resume", "default") == [["default: sessions start again."]]
    assert engine.call("POST", "/api/prompts", {"prompt": "hello"})["prompt"]["text"] == "Echo: hello"


def test_a_session_hibernates_and_requests_are_shown_and_cancelled(engine: Headless) -> None:
    session = engine.call("POST", "/api/prompts", {"prompt": "hello"})["prompt"]["session"]
    wait_until(lambda: engine.call("GET", "/api/pool")["pool"]["active"] == 0)
    assert plain(engine, "sessions", "hibernate", session) == [[session, "hibernate"]]
    assert engine.call("GET", "/api/pool")["pool"]["hibernated"] >= 1

    asked = {"prompt": "[[hang]]", "wait": False}
    ids = [engine.call("POST", "/api/prompts", asked)["prompt"]["request"] for _ in range(2)]
    wait_until(lambda: len(engine.call("GET", "/api/prompts")["prompts"]) == 2)
    assert as_json(engine, "queue", "show", ids[0])["prompt"] == "[[hang]]"
    assert ["prompt", "[[hang]]"] in plain(engine, "queue", "show", ids[1])
    assert plain(engine, "queue", "cancel", *ids) == [[f"Cancelled {name}."] for name in ids]
    wait_until(lambda: engine.call("GET", "/api/prompts")["prompts"] == [])


def test_what_is_not_there_or_out_of_range_is_wrong_usage(engine: Headless) -> None:
    for arguments, words in (
        (["profiles", "drain", "nobody"], "There is no profile 'nobody'"),
        (["profiles", "resume", "nobody"], "There is no profile 'nobody'"),
        (["sessions", "recycle", "s9999"], "There is no session s9999"),
        (["sessions", "hibernate", "s9999"], "There is no session s9999"),
        (["queue", "show", "nobody"], "No request nobody is on its way"),
        (["sessions", "recycle", "s9999", "--deadline", "-5"], "deadline of -5 is out of range"),
    ):
        done = quarterdeck(engine.home, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr


def test_the_statistics_of_the_pool_are_whole(engine: Headless, tmp_path: Path) -> None:
    pool = engine.call("GET", "/api/pool")["pool"]
    assert {"size", "active", "idle", "warm", "memory", "cpu", "throughput", "reuse", "hibernated"} <= pool.keys()
    assert pool["wait"].keys() == pool["wake"].keys() == {"p50", "p95", "p99"}
    assert pool["counts"]["survivors"] == 0


def test_commands_made_from_operations_print_tables_and_json(engine: Headless) -> None:
    conversation = engine.call("POST", "/api/prompts", {"prompt": "made from a declaration"})["prompt"]["conversation"]
    rows = json.loads(quarterdeck(engine.home, "conversations", "list", "--json").stdout)
    assert conversation in {row["id"] for row in rows}
    listed = quarterdeck(engine.home, "conversations", "list", "--profile", "default").stdout
    assert conversation in listed.split()
    shown = quarterdeck(engine.home, "conversations", "show", conversation).stdout
    assert f"id\t{conversation}" in shown.splitlines()
    statistics = json.loads(quarterdeck(engine.home, "pool", "--json").stdout)
    assert statistics["size"] >= 1
    (recording,) = json.loads(quarterdeck(engine.home, "recordings", "--json").stdout)
    assert recording["readable"] is True
    assert quarterdeck(engine.home, "conversations", "list", "--state", "asleep").returncode == 2
    held = quarterdeck(engine.home, "conversations", "delete", conversation)
    assert (held.returncode, "holds conversation" in held.stderr) == (1, True)


def test_errors_are_classified_by_the_running_engine(engine: Headless) -> None:
    quarterdeck(engine.home, "errors", "learn", "auth", "the badge reader says no")
    done = quarterdeck(engine.home, "classify", given="the badge reader says no\n")
    assert json.loads(done.stdout)["type"] == "auth"
