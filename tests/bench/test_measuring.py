"""What the benchmarks measure with: CPU of real processes, a program in a terminal, the plain ways."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import AgentSpec, Profile
from engine.backends.binary import find_claude
from engine.backends.claude import ClaudeBackend, ClaudeOptions
from engine.backends.credential import Credential
from engine.base.process import python_module
from engine.bench.baseline import ResumedCli, first_piece, held_open, one_process, sdk_query
from engine.bench.console import SMALLEST_APP
from engine.bench.cpu import Meter, cpu_seconds
from engine.bench.grid import CHANGED, HZ, SESSIONS, record_crowd
from engine.bench.terminal import Terminal
from engine.events.recording import Recording
from engine.offline_model.server import OfflineModel

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_children_that_ended_are_counted_and_the_living_are_counted_by_pid() -> None:
    meter = Meter()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert meter.read().agents >= 0.29

    with subprocess.Popen(
        [sys.executable, "-c", BURN + "print('x', flush=True)\ninput()"], stdin=-1, stdout=-1
    ) as living:
        assert living.stdout is not None
        living.stdout.readline()
        assert cpu_seconds([living.pid]) >= 0.28
        living.kill()


def test_a_program_in_a_terminal_is_seen_painting_and_is_ended() -> None:
    program = "import sys,signal\nprint(sys.stdout.isatty(), 'frame', flush=True)\nsignal.pause()\n"
    with Terminal([sys.executable, "-c", program], {"TERM": "xterm"}, wanted=b"True frame") as terminal:
        assert terminal.wait_for_text(20.0)
        assert terminal.seen_after > 0
        assert terminal.written >= len(b"True frame")
    assert terminal.process.returncode == -15


def test_the_smallest_app_paints_its_word() -> None:
    with Terminal(python_module(SMALLEST_APP), {"TERM": "xterm-256color"}, wanted=b"Overview") as terminal:
        assert terminal.wait_for_text(20.0)


@pytest.mark.real_cli
async def test_the_plain_ways_give_the_answer_that_the_prompt_asks_for(tmp_path: Path) -> None:
    async with OfflineModel() as model:
        homes = AgentDirectories(tmp_path / "state", tmp_path / "work", tmp_path / "home", None, tmp_path / "agents")
        credential = Credential("offline", base_url=model.url)
        backend = ClaudeBackend(find_claude(None), homes, lambda: credential, ClaudeOptions())
        profile = Profile(name="default", own_home=True)
        command = backend.command(AgentSpec("s1", profile, str(uuid.uuid4()), resume=False))
        prompt = "[[words: 12]]"
        answers = [await one_process(command)(prompt), await sdk_query(command)(prompt)]
        async with held_open(command) as ask:
            answers += [await ask(prompt), await ask(prompt)]
        resumed = ResumedCli(command)
        conversation = await resumed.begin()
        answers += [await resumed.ask(conversation, prompt), await resumed.ask(conversation, prompt)]
        assert [len(answer.split()) for answer in answers] == [12] * 6
        assert (await resumed.ask(conversation, "[[history]]")).startswith("History: 4 user messages")
        assert await first_piece(command, prompt) > 0.0


def test_the_crowd_that_the_grid_is_measured_with_changes_a_tenth_at_a_time(tmp_path: Path) -> None:
    record_crowd(tmp_path, 1.0, 2.0, 7)
    recording = Recording(tmp_path)
    before, first = recording.initial(), next(recording.events()).at
    assert len(before.sessions) == SESSIONS
    changed = []
    for step in range(int(3 * HZ)):
        after = recording.state_at(first + step / HZ)
        changed.append(sum(after.sessions[name] != before.sessions[name] for name in after.sessions))
        before = after
    assert changed == [0, 0, CHANGED, CHANGED, CHANGED, CHANGED]
