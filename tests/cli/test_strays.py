"""Tools that fork away and drop their environment, with the real program: nothing of them outlives their session."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from engine.base.processes import process_time
from tests.support.headless import Headless, headless, quarterdeck
from tests.support.processes import command_of, environ_of, parent_of, runs, wait_until


def tool(home: Path, command: str) -> str:
    """A prompt whose tool starts this in the background, writes its pid down and ends."""
    script = home / "tool"
    script.write_text(f"{command} >/dev/null 2>&1 </dev/null &\necho $! >{home}/pid\n")
    return f'[[tool: Bash {{"command": "/bin/bash {script}"}}]]'


def started(home: Path, command: str = "sleep 600 ") -> int:
    """The pid that the tool wrote down, once that process runs the command."""
    wait_until(lambda: (home / "pid").exists() and (home / "pid").read_text().endswith("\n"))
    pid = int((home / "pid").read_text())
    wait_until(lambda: command_of(pid) == command)
    return pid


def with_stray(engine: Headless) -> int:
    """Let a session's tool leave a process without a tag; its pid, once the engine has adopted it."""
    engine.send(tool(engine.home, "env -i setsid /bin/sleep 600"))
    pid = started(engine.home, "/bin/sleep 600 ")
    wait_until(lambda: parent_of(pid) == engine.process.pid)
    assert "QUARTERDECK_ENGINE" not in environ_of(pid)
    return pid


def test_a_stray_ends_when_its_session_is_stopped(home: Path) -> None:
    with headless(home) as engine:
        stray = with_stray(engine)
        (session,) = engine.call("GET", "/api/sessions")["sessions"]
        assert runs(stray)
        engine.call("POST", f"/api/sessions/{session['id']}/stop")
        wait_until(lambda: not runs(stray))
        assert not engine.ended


def test_a_stray_ends_with_the_engine(home: Path) -> None:
    with headless(home) as engine:
        stray = with_stray(engine)
        engine.signal(signal.SIGTERM)
        assert engine.exit_code() == 0
        assert not runs(stray)


def test_a_stray_ends_with_a_command_that_has_an_engine_of_its_own(home: Path) -> None:
    settings = "--set=claude.extra_args=[--allowedTools=Bash]"
    prompt = tool(home, "env -i setsid /bin/sleep 600")
    done = quarterdeck(home, "run", "--backend=simulator", settings, prompt)
    assert done.returncode == 0, done.stderr
    assert not runs(int((home / "pid").read_text()))


def test_a_server_that_a_conversation_started_survives_its_turns_and_ends_with_its_session(home: Path) -> None:
    for command in ("nohup sleep 600", "env -i PATH=/usr/bin:/bin setsid nohup sleep 600"):
        with headless(home) as engine:
            first = engine.call("POST", "/api/prompts", {"prompt": tool(home, command)})["prompt"]
            server = started(home)
            for _turn in range(2):
                again = {"prompt": "hello", "conversation": first["conversation"]}
                assert engine.call("POST", "/api/prompts", again)["prompt"]["session"] == first["session"]
                seen = process_time()
                wait_until(lambda seen=seen: process_time() > seen + 2.5)  # some rounds of the upkeep
                assert runs(server)
            engine.call("POST", f"/api/sessions/{first['session']}/stop")
            wait_until(lambda server=server: not runs(server))
        (home / "pid").unlink()


def test_doctor_names_what_a_killed_engine_left_and_ends_it_on_request(home: Path) -> None:
    with headless(home) as engine:
        stray = with_stray(engine)
        ledger = home / f"state/quarterdeck/engines/{engine.id}.strays"
        wait_until(lambda: ledger.exists() and str(stray) in ledger.read_text())
        engine.signal(signal.SIGKILL)
        engine.exit_code()
    assert runs(stray)  # no tag, no parent: nobody would find it by itself
    found = {row["name"]: row for row in json.loads(quarterdeck(home, "doctor", "--json").stdout)}
    assert f"{stray} (/bin/sleep 600)" in found["left-over processes"]["found"]
    assert "--reap" in found["left-over processes"]["remedy"]
    refused = quarterdeck(home, "doctor", "--reap", "--read-only")
    assert (refused.returncode, runs(stray)) == (1, True)
    reaped = quarterdeck(home, "doctor", "--reap")
    assert f"ended: {stray} (/bin/sleep 600)" in reaped.stderr
    assert not runs(stray)
    found = {row["name"]: row for row in json.loads(quarterdeck(home, "doctor", "--json").stdout)}
    assert found["left-over processes"]["found"] == "none"


def test_the_next_start_ends_what_a_killed_engine_left_without_a_tag(home: Path) -> None:
    with headless(home) as engine:
        stray = with_stray(engine)
        ledger = home / f"state/quarterdeck/engines/{engine.id}.strays"
        wait_until(lambda: ledger.exists() and str(stray) in ledger.read_text())
        engine.signal(signal.SIGKILL)
        engine.exit_code()
        with headless(home) as heir:
            assert stray in [pid for line in heir.logged("orphans_reaped") for pid in line["pids"]]
            assert not runs(stray)
