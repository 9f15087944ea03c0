"""Everything that an operator reads before deciding: the whole input as lines, the files it touches, all its risks."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from engine.approvals.concealing import Concealer
from engine.approvals.editing import editable, fields_of
from engine.approvals.input_lines import InputText, lines_of
from engine.approvals.pending import Pending
from engine.approvals.risks import RiskBook, shipped_risks
from engine.approvals.touches import Touched, text_of, touched

T = TypeVar("T")

DISK_S = 1.0
"""Seconds for what the disk has to say; after them the input is shown without it."""
KEPT = 8
"""Details that are kept while they are paged through."""
FRESH_S = 30.0
"""Seconds after which a file is compared again."""
_THREADS = 4


@dataclass(frozen=True, slots=True)
class Detail:
    """One permission to read; `texts` may be edited, secrets hidden; `unread` states that the disk did not answer."""

    pending: Pending
    text: InputText
    touches: tuple[Touched, ...]
    texts: dict[str, str] = field(default_factory=dict)
    unread: bool = False


class DetailReader:
    """Owner of the details read lately. What takes long runs on threads of its own, never on the engine's loop."""

    def __init__(self, monotonic: Callable[[], float], disk_s: float = DISK_S) -> None:
        self._monotonic = monotonic
        self._disk_s = disk_s
        self._book = shipped_risks()
        self._kept: OrderedDict[_Name, tuple[float, Detail]] = OrderedDict()
        self._running = 0

    async def read(self, pending: Pending) -> Detail:
        """The detail of a permission, of its edited form where it has one."""
        given = pending.edited_input if pending.edited_input is not None else bytes(pending.wanted.input)
        name = _name_of(pending, given)
        found = self._kept.get(name)
        if found is not None and self._monotonic() - found[0] < FRESH_S:
            return replace(found[1], pending=pending)
        disk = await self._from_disk(lambda: _disk_facts(pending, given, self._book))
        detail = await asyncio.to_thread(_detail, pending, given, self._book, disk)
        self._kept[name] = self._monotonic(), detail
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return detail

    def forget(self, permission: str) -> None:
        """It waits no more."""
        for name in [name for name in self._kept if name[0] == permission]:
            del self._kept[name]

    async def _from_disk(self, work: Callable[[], T]) -> T | None:
        """What was read, None where that fails or takes too long: a hanging disk holds a thread, never the engine."""
        if self._running >= _THREADS:
            return None
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T | None] = loop.create_future()

        def settle(result: T | None) -> None:
            self._running -= 1
            if not done.done():
                done.set_result(result)

        def run() -> None:
            try:
                result = work()
            except Exception:  # noqa: BLE001 - a thread's border: what the disk did is no reason to show nothing
                result = None
            with suppress(RuntimeError):  # the engine has ended meanwhile
                loop.call_soon_threadsafe(settle, result)

        try:
            threading.Thread(target=run, name="approval-details", daemon=True).start()
        except RuntimeError:  # the machine has no thread left
            return None
        self._running += 1
        try:
            return await asyncio.wait_for(done, self._disk_s)
        except TimeoutError:
            return None


_Name = tuple[str, str, float, int, int]


def _name_of(pending: Pending, given: bytes) -> _Name:
    """What a detail is kept by: another permission of the same id is another one."""
    asked = hash(bytes(pending.wanted.input))
    return pending.id, pending.requester.session, pending.asked_at, asked, hash(given)


_Disk = tuple[tuple[Touched, ...], bool, str | None]


def _disk_facts(pending: Pending, given: bytes, book: RiskBook) -> _Disk:
    """What is on disk where the agent's own request points; a path that an operator put in is not looked at."""
    workspace = pending.requester.workspace
    action = pending.edited or pending.action
    exists, before = False, None
    rule = book.tools.get(pending.wanted.tool)
    if rule is not None and rule.kind == "path" and rule.content:
        path, asked = (_text_at(each, rule.main) for each in (given, bytes(pending.wanted.input)))
        if path:
            exists, before = text_of(str(Path(workspace, path)), workspace) if path == asked else (True, None)
    named = set(pending.action.paths)
    return touched([path for path in action.paths if path in named], workspace), exists, before


def _text_at(given: bytes, name: str) -> str:
    found = (fields_of(given) or {}).get(name)
    return found if isinstance(found, str) else ""


def _detail(pending: Pending, given: bytes, book: RiskBook, disk: _Disk | None) -> Detail:
    touches, exists, before = disk if disk is not None else ((), True, None)
    asked = bytes(pending.wanted.input)
    hidden = Concealer(asked, given)
    editable(asked, hidden)  # what was edited has the numbers that its secrets had before
    texts = editable(given, hidden)
    tool = pending.wanted.tool
    text = lines_of(tool, given, book.tools.get(tool), before, hidden, exists=exists)
    return Detail(pending, text, touches, texts, disk is None)
