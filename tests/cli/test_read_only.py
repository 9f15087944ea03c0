"""`--read-only`: whatever acts is refused, by every command, before anything has left the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from engine.base.errors import Forbidden
from tests.support.headless import Headless, headless, quarterdeck
from tui.cli.main import quarterdeck as quarterdeck_group
from tui.feeds.client import Address, EngineClient

ACTS = [
    "alerts silence pool-full --for 1h",
    "alerts test log",
    "alerts unsilence pool-full",
    "breakers close api",
    "breakers disable api",
    "breakers open api",
    "breakers trip api",
    "cache clear",
    "cache delete x",
    "cache prewarm x",
    "chaos kill --seconds 1",
    "checkpoints delete r1",
    "checkpoints resume r1",
    "classify forget learned-1",
    "classify learn timeout it-took-too-long",
    "config save",
    "config set session_pool.max_size=20",
    "config undo",
    "conversations delete c1",
    "conversations fork c1",
    "conversations open c1",
    "conversations return c1",
    "conversations update c1 --archived",
    "conversations wake c1",
    "down",
    "env forget .env",
    "env trust .env",
    "errors correct e1 timeout",
    "errors forget learned-1",
    "errors learn timeout too-slow",
    "permissions judge s0001 --command ls",
    "memory optimize",
    "memory recycle",
    "workers cleanup",
    "permissions allow p1",
    "permissions deny p1",
    "permissions revoke g1",
    "presets apply night",
    "presets delete night",
    "presets save night",
    "profiler start",
    "profiler stop",
    "profiles drain default",
    "profiles resume default",
    "queue backpressure 0.5",
    "queue cancel r1",
    "recoveries run restart-session s0001",
    "run hello",
    "scale 3",
    "sessions hibernate s0001",
    "sessions interrupt s0001",
    "sessions kill s0001",
    "sessions note s0001 something",
    "sessions recycle s0001",
    "sessions rewind s0001 --prompt 1",
    "sessions side-question s0001 what",
    "sessions steer s0001 other",
    "sessions stop s0001",
]
READS = {
    "alerts:list",
    "alerts:rules",
    "attach",
    "bench",
    "breakers:list",
    "breakers:show",
    "checkpoints:list",
    "config:check",
    "config:diff",
    "config:get",
    "config:history",
    "config:schema",
    "config:show",
    "conversations:list",
    "conversations:messages",
    "conversations:prompts",
    "conversations:show",
    "doctor",
    "env:list",
    "errors:list",
    "errors:rules",
    "errors:statistics",
    "keys:check",
    "offline-model",
    "permissions:grants",
    "cache:statistics",
    "memory:statistics",
    "workers:statistics",
    "presets:list",
    "presets:show",
    "performance",
    "permissions:groups",
    "permissions:history",
    "permissions:list",
    "permissions:show",
    "plugins",
    "pool",
    "profiler:files",
    "profiler:read",
    "profiler:report",
    "profiler:status",
    "profiler:trace",
    "profiles:files",
    "profiles:list",
    "queue:list",
    "queue:show",
    "queue:statistics",
    "recordings:list",
    "recoveries:list",
    "recoveries:strategies",
    "replay",
    "sessions:diff",
    "sessions:export",
    "sessions:list",
    "sessions:show",
    "sessions:transcript",
    "socket",
    "up",
    "web",
}
"""Commands that change no running engine; the console and its tabs have a read-only mode of their own."""


COMMANDS_ALONE = {"chaos", "run", "scale"}
LOOK_FIRST = {"permissions:allow-group", "permissions:deny-group"}
"""They look the group up before they act on it, and act through the same client."""


def leaves(command: click.Command, name: str) -> Iterator[str]:
    """Every command that has none below it, by its path."""
    if not isinstance(command, click.Group):
        yield name
        return
    context = click.Context(command, **command.context_settings)
    for below in command.list_commands(context):
        found = command.get_command(context, below)
        assert found is not None
        yield from leaves(found, f"{name}:{below}".strip(":"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headless]:
    """An engine that takes acts; it is the commands that are read-only."""
    with headless(tmp_path_factory.mktemp("home")) as running:
        yield running


def test_every_command_either_reads_or_is_tried_here() -> None:
    tried = {act.partition(" ")[0] if act.split()[0] in COMMANDS_ALONE else ":".join(act.split()[:2]) for act in ACTS}
    assert set(leaves(quarterdeck_group, "")) == tried | READS | LOOK_FIRST


@pytest.mark.parametrize("act", ACTS)
def test_a_read_only_command_changes_nothing(engine: Headless, act: str) -> None:
    before = engine.call("GET", "/api/config/history")
    done = quarterdeck(engine.home, *act.split(), "--read-only")
    assert done.returncode != 0
    assert "Read-only mode refuses" in done.stderr, done.stderr
    assert engine.call("GET", "/api/config/history") == before
    assert not engine.call("GET", "/api/prompts")["prompts"]


def test_reading_is_allowed(engine: Headless) -> None:
    done = quarterdeck(engine.home, "sessions", "--read-only", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert isinstance(json.loads(done.stdout), list)


@pytest.mark.parametrize("act", ["classify learn timeout it-took-too-long", "classify forget learned-1"])
def test_a_running_read_only_engine_is_taught_nothing_behind_its_back(home: Path, act: str) -> None:
    with headless(home, "--read-only") as running:
        done = quarterdeck(running.home, *act.split())
        assert done.returncode != 0
        assert "Read-only mode refuses" in done.stderr


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_a_read_only_client_sends_nothing_but_reads(method: str, tmp_path: Path) -> None:
    with EngineClient(Address(uds=tmp_path / "nobody-listens"), read_only=True) as client:
        with pytest.raises(Forbidden):
            client.call(method, "/api/anything")
        with pytest.raises(Forbidden), client.stream("/api/prompts", {}):
            pass
