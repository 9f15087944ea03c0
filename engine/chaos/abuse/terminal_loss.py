"""A console with an engine of its own in a real terminal, which goes away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
from collections.abc import Sequence
from pathlib import Path

import psutil

from engine.base.files import private_folder
from engine.chaos.abuse.target import until

START_S, END_S = 60.0, 20.0
_NO_TEXT = b"\xff\xfe\x1b[?1;2c\x1b]11;rgb:0000/0000/0000\x1b\\"
_PIECE = 64 * 1024


async def lose_terminal(program: Sequence[str], folder: Path, seconds: float) -> list[str]:
    """Send it bytes that are no keys, close its terminal, and see it end; what is wrong, in sentences."""
    await asyncio.to_thread(private_folder, folder)
    master, slave = pty.openpty()
    settings = (f"api.socket={folder / 'engine.sock'}", f"engine.state_dir={folder / 'state'}", "engine.demo=off")
    process = await asyncio.create_subprocess_exec(
        *program,
        "--backend=simulator",
        *(part for setting in settings for part in ("--set", setting)),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(slave)
    try:
        return await _lose(process, master, seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _lose(process: asyncio.subprocess.Process, master: int, seconds: float) -> list[str]:
    loop = asyncio.get_running_loop()
    loop.add_reader(master, _drain, master)
    try:
        started = psutil.Process(process.pid)

        async def has_sessions() -> bool:
            return _ended(process) or len(started.children(recursive=True)) > 1

        await until(has_sessions, START_S)
        family = started.children(recursive=True)
        if _ended(process):
            return ["the console did not start"]
        os.write(master, _NO_TEXT)
        await asyncio.sleep(seconds)
        if _ended(process):
            return ["bytes that are no keys ended the console"]
    except psutil.NoSuchProcess:
        return ["the console did not start"]
    finally:
        loop.remove_reader(master)
        os.close(master)
    try:
        async with asyncio.timeout(END_S):
            code = await process.wait()
    except TimeoutError:
        return [f"a console without a terminal still ran after {END_S:g} s"]
    left = [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    found = [f"{len(left)} processes outlived the console"] if left else []
    return found if code == 0 else [*found, f"the console ended with {code}, not with 0"]


def _ended(process: asyncio.subprocess.Process) -> bool:
    return process.returncode is not None


def _drain(master: int) -> None:
    with contextlib.suppress(OSError):
        os.read(master, _PIECE)
