"""The feed of an engine in this very process, across the border between its thread and the console's."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from engine.base.errors import NoEngine, QuarterdeckError
from engine.base.operator import user_name
from engine.events.bus import Subscription
from engine.events.state import decode_state
from engine.recovery.classify.rules import ErrorType
from engine.requests import Request
from engine.sessions.transcripts import Page
from engine.thread import EngineThread
from tui.feeds.base import RECYCLE_S
from tui.model.link import FeedBatch, FeedStatus, LinkState
from tui.model.settings_sheet import SettingChange, SettingsSheet

T = TypeVar("T")


class InProcessFeed:
    """Owner of one subscription to the engine's bus."""

    def __init__(self, thread: EngineThread) -> None:
        self._thread = thread
        self._subscription: Subscription | None = None
        self._who = user_name()

    @property
    def status(self) -> FeedStatus:
        """Live for as long as the engine's thread is."""
        return FeedStatus(LinkState.LIVE if self._subscription is not None else LinkState.CONNECTING, "in process")

    async def start(self) -> None:
        """Subscribe; the first poll brings a snapshot."""
        engine = self._thread.engine

        async def subscribe() -> Subscription:
            return engine.bus.subscribe()

        self._subscription = await self._call(subscribe())

    async def aclose(self) -> None:
        """Leave the bus; prompts that were sent go on in the engine until it drains."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:

            async def close() -> None:
                subscription.close()

            with contextlib.suppress(NoEngine):  # it took the subscription with it
                await self._call(close())

    def poll(self) -> FeedBatch:
        """Take what waits in the mailbox."""
        if self._subscription is None:
            return FeedBatch(None, [])
        batch = self._subscription.take()
        state = decode_state(batch.snapshot.state) if batch.snapshot is not None else None
        return FeedBatch(state, batch.events)

    async def transcript(self, session: str, after: int = 0) -> Page:
        """A page of the session's transcript."""
        engine = self._thread.engine

        async def page() -> Page:
            return engine.transcripts.page(session, after)

        return await self._call(page())

    async def prompt(self, prompt: str, *, conversation: str = "", profile: str = "default") -> str:
        """Submit a prompt; its end is seen as an event."""
        engine = self._thread.engine
        request = Request(
            id=uuid.uuid4().hex[:12], prompt=prompt, conversation=conversation, user=self._who, profile=profile
        )

        async def send() -> str:
            return engine.send(request)

        return await self._call(send())

    async def interrupt(self, session: str) -> bool:
        """End a session's turn."""
        engine = self._thread.engine

        async def interrupt() -> bool:
            return engine.interrupt(session, self._who)

        return await self._call(interrupt())

    async def stop(self, session: str, *, kill: bool, request: bool = True) -> None:
        """Stop or kill a session."""
        await self._call(self._thread.engine.stop_session(session, self._who, kill=kill, request=request))

    async def recycle(self, session: str) -> None:
        """End a session with its turn."""
        await self._call(self._thread.engine.recycle_session(session, self._who, RECYCLE_S))

    async def hibernate(self, session: str) -> None:
        """Let a session's conversation sleep."""
        await self._call(self._thread.engine.hibernate_session(session, self._who))

    async def drain_profile(self, profile: str) -> int:
        """Drain a profile."""
        return await self._call(self._thread.engine.drain_profile(profile, RECYCLE_S))

    async def scale(self, size: int | None) -> None:
        """Set the pool's size, or let it follow the load."""
        engine = self._thread.engine

        async def scale() -> None:
            if size is None:
                engine.autoscale(True, self._who)
            else:
                engine.scale(size)

        await self._call(scale())

    async def autoscale(self, on: bool) -> None:
        """Follow the load, or stay."""
        engine = self._thread.engine

        async def autoscale() -> None:
            engine.autoscale(on, self._who)

        await self._call(autoscale())

    async def answer(self, permission: str, *, allowed: bool, scope: str = "once", message: str = "") -> None:
        """Answer a permission."""
        engine = self._thread.engine

        async def answer() -> None:
            engine.answer(permission, allowed=allowed, by=self._who, scope=scope, message=message)

        await self._call(answer())

    async def answer_group(
        self, group: str, *, allowed: bool, scope: str = "once", message: str = "", expires: str = ""
    ) -> int:
        """Answer all that wait in a group."""
        engine = self._thread.engine

        async def answer() -> int:
            given = {"allowed": allowed, "by": self._who, "scope": scope, "message": message}
            return engine.answer_group(group, expires=expires or None, **given)[0]

        return await self._call(answer())

    async def cancel(self, request: str) -> None:
        """End a request."""
        engine = self._thread.engine

        async def cancel() -> None:
            engine.cancel(request, self._who)

        await self._call(cancel())

    async def control_breaker(self, breaker: str, act: str) -> None:
        """Open, close, disable or trip a breaker."""
        engine = self._thread.engine

        async def control() -> None:
            engine.check_writable()
            engine.breakers.control(breaker, act, self._who)

        await self._call(control())

    async def correct(self, error: str, kind: str) -> str:
        """Teach the class of an error."""
        engine = self._thread.engine

        async def correct() -> str:
            return engine.correct(error, ErrorType(kind), self._who).id

        return await self._call(correct())

    async def settings(self) -> dict[str, Any]:
        """The settings in force."""
        engine = self._thread.engine

        async def settings() -> dict[str, Any]:
            return dict(engine.live.shown)

        return await self._call(settings())

    async def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change settings live."""
        engine = self._thread.engine

        async def change() -> None:
            engine.change_settings(changes, self._who)

        await self._call(change())

    async def check_settings(self, changes: Mapping[str, Any]) -> None:
        """Whether these values would be taken."""
        engine = self._thread.engine

        async def check() -> None:
            engine.live.check(changes, self._who)

        await self._call(check())

    async def save_settings(self) -> tuple[str, list[str]]:
        """Write all live changes to the settings file."""
        engine = self._thread.engine

        async def save() -> tuple[str, list[str]]:
            saved = engine.save_settings()
            return saved.file, saved.keys

        return await self._call(save())

    async def undo_settings(self) -> None:
        """Take the last change back."""
        engine = self._thread.engine

        async def undo() -> None:
            engine.check_writable()
            engine.live.undo(self._who)

        await self._call(undo())

    async def tuning(self) -> SettingsSheet:
        """Settings, origins and changes."""
        live = self._thread.engine.live

        async def sheet() -> SettingsSheet:
            changes = [SettingChange(one.number, one.who, one.when, one.changes, one.undoes) for one in live.history]
            return SettingsSheet(dict(live.shown), live.origins, changes)

        return await self._call(sheet())

    async def _call(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await asyncio.wrap_future(self._thread.call(work))
        except QuarterdeckError:
            raise
        except RuntimeError as error:
            raise NoEngine("The engine has stopped.", remedy="Start it again with `quarterdeck`.") from error
