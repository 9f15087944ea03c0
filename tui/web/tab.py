"""One tab of a browser: a console in a process of its own, between Textual's web driver and a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.launchers.kernel import with_parent_death_signal

PRELUDE = b"__GANGLION__\n"
"""The line with which Textual's web driver begins."""
MAX_PACKET = 16 << 20
"""Bytes of one packet of a console; a longer one ends it."""
QUIT_S, TERM_S = 5.0, 2.0
"""Seconds that a console has to end after it was asked to, and after SIGTERM."""
SIDES = (10, 1000)
"""Fewest and most columns or lines of a tab's terminal."""

_log = logging.getLogger("quarterdeck.web")


class Wire(Protocol):
    """The browser's end."""

    async def receive(self) -> str | None:
        """What the browser says next; None once it has gone."""

    async def send(self, data: bytes | str) -> None:
        """Terminal output as bytes, a word to the page as text. Raises OSError once it has gone."""


class Tab:
    """Owner of one console process, from `run` until it is gone."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], wire: Wire) -> None:
        self._argv = tuple(argv)
        self._environ = environ
        self._wire = wire

    async def run(self, columns: int, lines: int) -> str:
        """Run the console until it ends or the browser goes; its process is gone afterwards. Returns how it ended."""
        process = await asyncio.create_subprocess_exec(
            *with_parent_death_signal(self._argv),
            stdin=PIPE,
            stdout=PIPE,
            stderr=None if _log.isEnabledFor(logging.DEBUG) else DEVNULL,
            env=environment(self._environ, columns, lines),
            # In the engine's kernel session: else its socket would take it for an agent, its upkeep for a stray.
            process_group=0,
        )
        try:
            async with asyncio.TaskGroup() as group:
                into, out = _pipes(process)
                down = group.create_task(self._down(out))
                up = group.create_task(self._up(into))
                await asyncio.wait((down, up), return_when=asyncio.FIRST_COMPLETED)
                up.cancel()
                down.cancel()
                await asyncio.wait((down, up))
                # What it says while it ends is read, so that it is never held up by a full pipe.
                group.create_task(_drop(out))
                await _end(process, into)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _ending(process.returncode)

    async def _down(self, out: asyncio.StreamReader) -> None:
        """From the console to the browser, until either ends or the console talks nonsense."""
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError):
            if await out.readuntil(b"\n") == PRELUDE:
                while await self._pass_on(*await _packet(out)):
                    pass

    async def _pass_on(self, kind: bytes, payload: bytes) -> bool:
        match kind:
            case b"D":
                await self._wire.send(payload)
            case b"M":
                return bool(json.loads(payload).get("type") != "exit")
        return True

    async def _up(self, into: asyncio.StreamWriter) -> None:
        """From the browser to the console, until either has gone."""
        with contextlib.suppress(ValueError, OSError):
            while (said := await self._wire.receive()) is not None:
                kind, *rest = _envelope(said)
                if kind == "ping":
                    await self._wire.send(json.dumps(["pong", rest[0]]))
                elif (packet := packet_of(kind, rest)) is not None:
                    into.write(packet)
                    await into.drain()


def packet_of(kind: str, rest: list[Any]) -> bytes | None:
    """The message to the web driver for a word of the page; None for words that mean nothing. Raises ValueError."""
    match kind, rest:
        case "stdin", [str(data)]:
            return _framed(b"D", data.encode("utf-8", "replace"))
        case "resize", [{"width": int(width), "height": int(height)}]:
            return _meta(type="resize", width=_side(width), height=_side(height))
        case (("focus" | "blur"), _):
            return _meta(type=kind)
        case "stdin" | "resize", _:
            raise ValueError(f"{kind} says {rest!r}")
    return None


def environment(environ: Mapping[str, str], columns: int, lines: int) -> dict[str, str]:
    """The environment of a console whose terminal is a page: all colours, all glyphs, whatever ours can show."""
    page = {
        "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": str(_side(columns)),
        "ROWS": str(_side(lines)),
    }
    return {**environ, **page}


def _ending(status: int | None) -> str:
    if not status:
        return "You left this console."
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    return f"This console ended {how}. `quarterdeck attach` in a terminal shows why."


async def _drop(out: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await out.read(65536):
            pass


async def _end(process: Process, into: asyncio.StreamWriter) -> None:
    """Ask, insist, kill."""
    with contextlib.suppress(OSError, RuntimeError):
        into.write(_meta(type="quit"))
    for seconds, harder in ((QUIT_S, process.terminate), (TERM_S, process.kill)):
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
                return
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                harder()
    await process.wait()


def _pipes(process: Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("a console without pipes")
    return process.stdin, process.stdout


async def _packet(out: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await out.readexactly(5)
    size = int.from_bytes(head[1:], "big")
    if size > MAX_PACKET:
        raise ValueError(f"a packet of {size} bytes")
    return head[:1], await out.readexactly(size)


def _envelope(said: str) -> list[Any]:
    found = json.loads(said)
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        raise ValueError("no word of the page")
    return [*found, None] if found[0] == "ping" else found


def _meta(**facts: object) -> bytes:
    return _framed(b"M", json.dumps(facts).encode())


def _framed(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def _side(cells: int) -> int:
    return max(SIDES[0], min(SIDES[1], cells))
