"""An agent's tool reaches the local socket, as anything of the operator's does: it may read there, and never act."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
import pytest

from engine.base.processes import ENGINE_TAG
from engine.launchers.ancestry import agent_behind
from engine.launchers.base import LaunchSpec
from tests.api.serving import Served, free_port, serving
from tests.support.processes import until

CLIENT = """
import http.client, json, socket, sys, time
time.sleep(float(sys.argv[4]))
connection = http.client.HTTPConnection("engine")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
body = json.dumps({"claude.permission_mode": "bypassPermissions"})
connection.request(sys.argv[2], "/api/config", body if sys.argv[2] == "PATCH" else None)
answer = connection.getresponse()
answer.read()
open(sys.argv[3], "w").write(str(answer.status))
"""
TCP_CLIENT = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), source_address=(sys.argv[4], 0))
headers = {"Authorization": "Bearer " + open(sys.argv[2]).read().strip(), "X-Forwarded-For": "8.8.8.8"}
connection.request("PATCH", "/api/config", json.dumps({"session_pool.max_size": 7}), headers)
answer = connection.getresponse()
answer.read()
open(sys.argv[3], "w").write(str(answer.status))
"""
AT_ONCE, LATER = "0", "0.5"
WAYS = {
    "plain": "{client} " + AT_ONCE,
    "without its environment": "env -i {client} " + AT_ONCE,
    "in a process session of its own": "env -i setsid {client} " + AT_ONCE,
    "left behind and adopted": "(env -i setsid {client} " + LATER + " >/dev/null 2>&1 &) ; true",
}


async def use_tool(served: Served, home: Path, method: str, way: str) -> int:
    """The status that an agent's tool got from the engine that runs it."""
    script, proof = home / "client.py", home / "proof"
    script.write_text(CLIENT)
    client = f"{sys.executable} {script} {served.socket} {method} {proof}"
    command = json.dumps({"command": WAYS[way].format(client=client)})
    asking = asyncio.create_task(served.data("POST", "/api/prompts", {"prompt": f"[[tool: Bash {command}]]"}))
    await until(lambda: bool(served.engine.bus.state.permissions))
    (permission,) = served.engine.bus.state.permissions
    await served.data("POST", f"/api/permissions/{permission}", {"allowed": True})
    await asking
    await until(lambda: proof.exists() and bool(proof.read_text()))
    return int(proof.read_text())


@pytest.mark.parametrize("way", WAYS)
async def test_an_agent_cannot_allow_itself_everything(home: Path, way: str) -> None:
    async with serving(home, owns_process=True) as served:  # only then it adopts what agents leave behind
        assert await use_tool(served, home, "PATCH", way) == 403
        assert served.engine.settings.claude.permission_mode != "bypassPermissions"
        assert not served.engine.live.history


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.5"])
async def test_an_agent_that_reads_the_token_cannot_act_over_tcp_either(home: Path, source: str) -> None:
    async with serving(home, f"api.port={free_port()}") as served:
        settings = served.engine.settings
        (home / "tcp.py").write_text(TCP_CLIENT)
        proof = home / "proof"
        command = f"{sys.executable} {home / 'tcp.py'} {settings.api.port} {settings.token_file} {proof} {source}"
        asking = asyncio.create_task(
            served.data("POST", "/api/prompts", {"prompt": f"[[tool: Bash {json.dumps({'command': command})}]]"})
        )
        await until(lambda: bool(served.engine.bus.state.permissions))
        (permission,) = served.engine.bus.state.permissions
        await served.data("POST", f"/api/permissions/{permission}", {"allowed": True})
        await asking
        assert proof.read_text() == "403"
        headers = {"Authorization": f"Bearer {settings.token_file.read_text().strip()}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.api.port}", headers=headers) as operator:
            answer = await operator.patch("/api/config", json={"session_pool.max_size": 7})
        assert answer.status_code == 200
        assert f"(pid {os.getpid()})" in served.engine.live.history[-1].who


async def test_an_agent_may_read(served: Served, home: Path) -> None:
    assert await use_tool(served, home, "GET", "plain") == 200


async def test_the_history_names_the_process_that_acted(served: Served) -> None:
    await served.data("PATCH", "/api/config", {"session_pool.max_size": 7})
    assert served.engine.live.history[-1].who.endswith(f"(pid {os.getpid()})")


async def test_what_carries_another_engines_tag_is_an_agents_too(served: Served) -> None:
    process = await asyncio.create_subprocess_exec("sleep", "60", env={**os.environ, ENGINE_TAG: "another"})
    try:
        assert "another" in agent_behind(process.pid, {}, set())
        assert "s0001" in agent_behind(process.pid, {process.pid: "s0001"}, set())
    finally:
        process.kill()
        await process.wait()
    with pytest.raises(ProcessLookupError):
        agent_behind(process.pid, {}, set())


@pytest.mark.parametrize("way", ["plain", "in a process session of its own"])
async def test_what_the_engine_starts_for_the_operator_acts(home: Path, way: str) -> None:
    script, proof = home / "client.py", home / "proof"
    script.write_text(CLIENT)
    command = WAYS[way].format(client=f"{sys.executable} {script} {home / 'engine.sock'} PATCH {proof}")
    argv = json.dumps(["/bin/sh", "-c", f"{command}; exit 0"])  # below the command, with its tag
    async with serving(home, f"alerts.command.argv={argv}") as served:
        await served.data("POST", "/api/alerts/test", {"channel": "command"})
        await until(lambda: proof.exists() and bool(proof.read_text()))
        assert proof.read_text() == "200"


async def test_a_session_is_known_as_an_agent_from_its_start(served: Served) -> None:
    spec = LaunchSpec("s9999", ("/bin/sleep", "60"), Path("/"), {})
    child = await served.engine.launcher.launch(spec, lambda _output: None)
    try:
        assert served.engine.launcher.agents == {child.pid: "s9999"}
    finally:
        await served.engine.launcher.kill(child)


async def test_an_operators_process_is_no_agents(served: Served) -> None:
    assert not agent_behind(os.getpid(), {}, set())
