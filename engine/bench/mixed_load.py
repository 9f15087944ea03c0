"""Waves of mixed work over the API: prompts, conversations asleep, cancels, crashes, approvals, the cache, reads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from engine.bench.fixtures import until
from engine.engine import Engine

CONVERSATIONS, CACHED = 12, 30
"""Conversations that go on, more than there are sessions; distinct prompts whose answers may be cached."""
_READS = ("/api/pool", "/api/sessions", "/api/conversations", "/api/queue", "/api/cache", "/api/errors", "/metrics")
_TOOL = '[[tool: Bash {"command": "true"}]]'
_PATIENCE_S = 60.0


class MixedLoad:
    """Owner of the conversations that go on, and of what became of the work; acts on an engine of this process."""

    _client: httpx.AsyncClient
    """That of the wave."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._chance = random.Random(seed)  # noqa: S311 - load, not secrets
        self._held = [""] * CONVERSATIONS
        self._number = 0
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    async def wave(self, client: httpx.AsyncClient) -> None:
        """One piece of work of each kind, some of them several times, all at once; returns when all is at rest."""
        self._client = client
        works: list[tuple[Callable[[], Coroutine[Any, Any, None]], int]] = [
            (self._prompt, 6), (self._talk, 6), (self._cached, 4), (self._cancel, 2), (self._approve, 2),
            (self._crash, 1), (self._read, 6),
        ]  # fmt: skip
        async with asyncio.TaskGroup() as group:
            for work, many in works:
                for _ in range(many):
                    group.create_task(work())
        await until(self._at_rest, _PATIENCE_S)

    async def _prompt(self) -> None:
        await self._send("prompts", {"prompt": f"[[words: 20]] {self._next()}"})

    async def _talk(self) -> None:
        """Another turn of a conversation, which wakes it when it sleeps."""
        number = self._chance.randrange(CONVERSATIONS)
        sent = await self._send(
            "turns of conversations", {"prompt": f"[[words: 20]] {self._next()}", "conversation": self._held[number]}
        )
        self._held[number] = sent.get("conversation", self._held[number])

    async def _cached(self) -> None:
        number = self._chance.randrange(CACHED)
        await self._send("cacheable prompts", {"prompt": f"[[words: 20]] {number}", "cacheable": True, "cache_ttl": 30})

    async def _cancel(self) -> None:
        sent = await self._send("cancels", {"prompt": "[[words: 400]] [[pace: 20ms]]", "wait": False})
        await asyncio.sleep(self._chance.uniform(0.0, 0.5))
        await self._client.delete(f"/api/prompts/{sent['request']}")

    async def _approve(self) -> None:
        """A tool that a person allows or denies."""
        asked = asyncio.create_task(self._send("approvals", {"prompt": f"{_TOOL} {self._next()}"}))
        while not asked.done():
            waiting = (await self._client.get("/api/permissions")).json()["data"]
            for each in waiting["permissions"]:
                await self._client.post(f"/api/permissions/{each['id']}", json={"allowed": self._chance.random() < 0.5})
            await asyncio.sleep(0.05)
        await asked

    async def _crash(self) -> None:
        """A session is killed while it answers; its request is answered all the same."""
        prompt = {"prompt": f"[[words: 30]] [[pace: 20ms]] {self._next()}", "idempotent": True}
        asked = asyncio.create_task(self._send("crashes", prompt))
        await asyncio.sleep(self._chance.uniform(0.1, 0.5))
        pids = sorted(session.pid for session in self._engine.pool.sessions.values() if session.pid)
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._chance.choice(pids), signal.SIGKILL)
        await asked

    async def _read(self) -> None:
        (await self._client.get(self._chance.choice(_READS))).raise_for_status()
        self.done["reads"] += 1

    async def _send(self, kind: str, body: dict[str, object]) -> dict[str, str]:
        answered = await self._client.post("/api/prompts", json={key: each for key, each in body.items() if each != ""})
        self.done[kind] += 1
        if answered.status_code >= 400:
            self.refused[f"{kind}: {answered.json()['code']}"] += 1
            return {}
        found: dict[str, str] = answered.json()["data"]["prompt"]
        return found

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _at_rest(self) -> bool:
        pool = self._engine.pool.statistics()
        return not (pool.starting or pool.active or pool.waiting or self._engine.dispatcher.active_requests) and (
            pool.idle == pool.target
        )
