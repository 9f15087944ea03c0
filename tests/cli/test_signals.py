"""Signals to `--engine-only`: no new work, running turns finish or are checkpointed, then the tree is empty."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from engine.base.errors import NoEngine
from engine.thread import EngineThread
from tests.support.engines import loaded
from tests.support.headless import PROGRAM, Headless, environment_of, headless
from tests.support.processes import PATIENCE_S, command_of, runs, wait_until

DRAINING = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP]
TOOL = '[[tool: Bash {"command": "setsid sleep 600 & sleep 600"}]]'


def begin(engine: Headless, prompt: str, **more: object) -> list[int]:
    """Give it a prompt and wait for the turn; the pids of its tree."""
    engine.send(prompt, id="last", **more)
    wait_until(lambda: engine.call("GET", "/api/pool")["pool"]["active"] == 1)
    wait_until(lambda: engine.call("GET", "/api/sessions")["sessions"][0]["request"] == "last")
    return engine.tree()


def left_nothing(engine: Headless, tree: list[int]) -> bool:
    """Whether its processes, its socket and its ledger entry are gone."""
    entries = list((engine.home / "state/quarterdeck/engines").iterdir())
    return not (engine.tree() or any(runs(pid) for pid in tree) or engine.socket.exists() or entries)


@pytest.mark.parametrize("number", DRAINING)
def test_a_running_turn_finishes_within_the_grace(home: Path, number: signal.Signals) -> None:
    with headless(home, settings=["engine.grace=30s"]) as engine:
        tree = begin(engine, "[[words: 20]] [[pace: 25ms]]")
        engine.signal(number)
        wait_until(lambda: engine.logged("engine_draining"))
        assert engine.exit_code() == 0
        assert left_nothing(engine, tree)
        (end,) = engine.logged("request_ended")
        assert (end["request"], end["ok"]) == ("last", True)
        (stopped,) = engine.logged("engine_stopped")
        assert (stopped["reason"], stopped.get("survivors", 0)) == (number.name, 0)
        assert not (home / "state/quarterdeck/checkpoints").exists()


@pytest.mark.parametrize("agent", ["simulator", pytest.param("claude", marks=pytest.mark.real_cli)])
def test_a_turn_that_is_not_done_in_the_grace_is_checkpointed_and_its_tools_end(
    home: Path, agent: str, request: pytest.FixtureRequest
) -> None:
    real = ("--backend=claude", "--offline") if agent == "claude" and request.getfixturevalue("claude") else ()
    with headless(home, *real, settings=["engine.grace=300ms"]) as engine:
        tree = begin(engine, TOOL, user="ada")
        wait_until(lambda: sum(command_of(pid) == "sleep 600 " for pid in engine.tree()) == 2)
        tree = engine.tree()
        engine.signal(signal.SIGTERM)
        assert engine.exit_code() == 0
        assert left_nothing(engine, tree)
        (file,) = (home / "state/quarterdeck/checkpoints").iterdir()
        kept = json.loads(file.read_text())
        assert (kept["request"], kept["prompt"], kept["user"]) == ("last", TOOL, "ada")
        assert kept["reason"] == "graceful_shutdown"
        assert list((home / "state/quarterdeck/homes").rglob(f"{kept['conversation']}.jsonl"))


def test_a_lost_line_does_not_end_an_engine_that_was_started_to_outlive_it(home: Path) -> None:
    ours = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what `nohup` does; children inherit it
    try:
        with headless(home) as engine:
            signal.signal(signal.SIGHUP, ours)
            engine.signal(signal.SIGHUP)
            assert engine.call("POST", "/api/prompts", {"prompt": "hello"})["prompt"]["text"]
            assert not engine.logged("engine_draining")
    finally:
        signal.signal(signal.SIGHUP, ours)


def test_what_had_streamed_is_in_the_checkpoint(home: Path) -> None:
    with headless(home, settings=["engine.grace=1s"]) as engine:
        begin(engine, "[[words: 900]] [[pace: 20ms]]")
        engine.signal(signal.SIGTERM)
        assert engine.exit_code() == 0
        (file,) = (home / "state/quarterdeck/checkpoints").iterdir()
        assert len(json.loads(file.read_text())["partial"].split()) >= 10


@pytest.mark.parametrize("second", DRAINING)
def test_a_second_signal_kills_a_turn_that_has_a_long_grace(home: Path, second: signal.Signals) -> None:
    with headless(home, settings=["engine.grace=600s"]) as engine:
        begin(engine, TOOL)
        wait_until(lambda: len(engine.tree()) >= 3)
        tree = engine.tree()
        engine.signal(signal.SIGTERM)
        wait_until(lambda: engine.logged("engine_draining"))
        assert engine.tree() == tree
        engine.signal(second)
        assert engine.exit_code(20.0) == 0
        assert left_nothing(engine, tree)
        assert (home / "state/quarterdeck/checkpoints/last.json").exists()


def test_a_second_signal_kills_a_session_that_will_not_stop(home: Path) -> None:
    with headless(home, settings=["engine.stop_term_grace=300s"]) as engine:
        engine.call("POST", "/api/prompts", {"prompt": "hello"})
        (agent,) = tree = engine.tree()
        os.kill(agent, signal.SIGSTOP)
        engine.signal(signal.SIGTERM)
        wait_until(lambda: engine.logged("engine_draining"))
        wait_until(lambda: not engine.socket.exists())
        assert runs(agent)
        engine.signal(signal.SIGTERM)
        assert engine.exit_code(20.0) == 0
        assert left_nothing(engine, tree)


def test_while_it_drains_it_is_not_ready_and_takes_no_work(home: Path) -> None:
    with headless(home, settings=["engine.grace=600s"]) as engine:
        begin(engine, TOOL)
        engine.signal(signal.SIGTERM)
        wait_until(lambda: engine.logged("engine_draining"))
        with pytest.raises(Exception, match="draining"):
            engine.send("one more")
        engine.signal(signal.SIGTERM)
        engine.exit_code()
        with pytest.raises(NoEngine):
            engine.send("one more")


def test_a_stop_that_is_asked_before_the_start_counts(home: Path) -> None:
    thread = EngineThread(loaded(home))
    thread.request_stop("early")
    thread.start()
    assert thread.join(30.0)
    assert thread.engine.phase == "stopped"
    thread.request_stop("late")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_command_with_an_engine_of_its_own_takes_it_along(home: Path, number: signal.Signals) -> None:
    arguments = [
        "run",
        "--backend=simulator",
        "--stream",
        "--set=claude.extra_args=[--allowedTools=Bash]",
        f"begun {TOOL}",
    ]
    with subprocess.Popen(
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=home, env=environment_of(home)
    ) as process:
        folder = home / "state/quarterdeck/engines"
        wait_until(lambda: folder.exists() and list(folder.glob("*.json")))
        (entry,) = folder.glob("*.json")
        engine = Headless(process, home, home / "none")
        engine.id = entry.stem
        wait_until(lambda: len(engine.tree()) >= 3)
        tree = engine.tree()
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130
        assert b"Traceback" not in said
        assert not any(runs(pid) for pid in tree)
