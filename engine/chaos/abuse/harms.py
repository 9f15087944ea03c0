"""What is done to the engine's machine and to its end: each harm is done once, lasts some seconds and is relieved."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import Awaitable, Callable

import psutil

from engine.base.process import python_module
from engine.chaos.abuse.attacks import ATTACKS
from engine.chaos.abuse.target import Target, until
from engine.chaos.abuse.terminal_loss import lose_terminal

Harm = Callable[[Target, float], Awaitable[list[str]]]
"""Does the harm for so many seconds and relieves it; what is wrong already, in sentences."""
_LONG_LOG = 400
_GONE_S, _BACK_S = 10.0, 5.0


def attack(name: str) -> Harm:
    """An attack by a process of its own."""

    async def harm(target: Target, seconds: float) -> list[str]:
        process = await asyncio.create_subprocess_exec(
            *python_module("engine.chaos.abuse.attacks"),
            *(name, str(target.socket), str(target.port), str(seconds)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            return [f"the attack itself failed: {err.decode(errors='replace')[-300:]}"]
        counts = json.loads(out)
        broken = {status: count for status, count in counts.items() if status.isdecimal() and status.startswith("5")}
        return [f"the attack was answered with {broken}"] if broken else [] if counts else ["the attack did nothing"]

    return harm


async def unread_log(target: Target, seconds: float) -> list[str]:
    """Nobody reads its log while 400 changes are written to it; it must answer all the same."""
    over = asyncio.get_running_loop().time() + seconds
    with target.unread():
        for number in range(_LONG_LOG):
            await target.call("PATCH", "/api/config", {"session_pool.max_size": 4 + number % 2})
        await target.call("PATCH", "/api/config", {"session_pool.max_size": 4})
        await asyncio.sleep(over - asyncio.get_running_loop().time())
    return []


async def no_descriptors(target: Target, seconds: float) -> list[str]:
    """It can open nothing for that long: neither connections, nor files, nor processes."""
    with target.without_descriptors():
        await asyncio.sleep(seconds)
    return []


async def socket_deleted(target: Target, seconds: float) -> list[str]:
    """Somebody deletes the file of its socket, and the folder with it."""
    await asyncio.to_thread(shutil.rmtree, target.socket.parent)

    async def is_back() -> bool:
        return await asyncio.to_thread(target.socket.is_socket)

    if (took := await until(is_back, _BACK_S)) >= _BACK_S:
        return [f"it does not listen again after {took:.0f} s"]
    await asyncio.sleep(max(0.0, seconds - took))
    return []


async def state_deleted(target: Target, seconds: float) -> list[str]:
    """Somebody deletes its state folder; a prompt must still be answered."""
    await asyncio.to_thread(shutil.rmtree, target.state, ignore_errors=True)
    await asyncio.sleep(seconds)
    answer = await target.call("POST", "/api/prompts", {"prompt": "[[words: 2]]"})
    return [] if answer.is_success else [f"a prompt was answered with {answer.status_code}: {answer.text[:200]}"]


async def detached_tools(target: Target, seconds: float) -> list[str]:
    """Tools that fork away and drop their environment; they end with their sessions."""
    marks = [f"{100_000 + uuid.uuid4().int % 100_000}.5" for _ in range(2)]
    for mark in marks:
        command = json.dumps({"command": f"(env -i setsid /bin/sleep {mark} >/dev/null 2>&1 &) ; true"})
        await target.call("POST", "/api/prompts", {"prompt": f"[[tool: Bash {command}]]"})
    await asyncio.sleep(seconds)
    if not await asyncio.to_thread(_sleepers, marks):
        return ["no tool was left behind: the harm was not done"]
    sessions = (await target.call("GET", "/api/sessions")).json()["data"]["sessions"]
    for session in sessions:
        await target.call("POST", f"/api/sessions/{session['id']}/stop")

    async def are_gone() -> bool:
        return not await asyncio.to_thread(_sleepers, marks)

    await until(are_gone, _GONE_S)
    left = await asyncio.to_thread(_sleepers, marks)
    for process in left:
        process.kill()
    return [f"{len(left)} processes outlived their sessions"] if left else []


async def terminal_gone(target: Target, seconds: float) -> list[str]:
    """A console beside it gets bytes that are no keys, then loses its terminal; it drains and leaves nothing."""
    return await lose_terminal(target.program, target.folder / "console", seconds)


HARMS: dict[str, Harm] = {
    **{name: attack(name) for name in ATTACKS},
    **{
        each.__name__: each
        for each in (unread_log, no_descriptors, socket_deleted, state_deleted, detached_tools, terminal_gone)
    },
}


def about(name: str) -> str:
    """What it does, in a sentence."""
    return ((ATTACKS.get(name) or HARMS[name]).__doc__ or "").partition("\n")[0]


def _sleepers(marks: list[str]) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if set(marks) & set(each.info["cmdline"] or ())]
