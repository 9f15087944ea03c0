"""Demo traffic: a few invented users who keep a simulated pool busy. It is never shown without saying so."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable

from engine.errors import QuarterdeckError
from engine.requests import Answer, Listener, Request

USERS = ("ana", "ben", "chi", "dora")
PROMPTS = (
    "fix flaky test in auth [[think: looking at the fixture]] [[words: 120]] [[pace: 40ms]]",
    'refactor queue worker [[tool: Read {"file_path": "queue/worker.py"}]] [[words: 160]] [[pace: 45ms]]',
    "review the pull request about leases [[words: 220]] [[pace: 30ms]]",
    "write migration 0042 [[delay: 2s]] [[words: 90]] [[pace: 60ms]]",
    'update docs index [[tool: Grep {"pattern": "lease"}]] [[words: 60]] [[pace: 50ms]]',
    "triage crash reports [[words: 140]] [[pace: 35ms]]",
    "add retry budget [[fault: http529_overloaded x1]] [[words: 100]] [[pace: 40ms]]",
)
_PAUSE_S = (1.0, 8.0)

Submit = Callable[[Request, Listener | None], Awaitable[Answer]]


class DemoTraffic:
    """One stream of requests for each user, one request at a time."""

    def __init__(self, submit: Submit, seed: str) -> None:
        self._submit = submit
        self._chance = random.Random(seed)  # noqa: S311 - a demo needs no secrets
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as users:
            for user in USERS:
                users.create_task(self._work(user), name=f"demo {user}")

    async def _work(self, user: str) -> None:
        conversation = ""
        while True:
            await asyncio.sleep(self._chance.uniform(*_PAUSE_S))
            if self._chance.random() < 0.5:
                conversation = ""
            prompt = self._chance.choice(PROMPTS)
            request = Request(id=f"demo-{next(self._numbers)}", prompt=prompt, user=user, conversation=conversation)
            try:
                conversation = (await self._submit(request, None)).conversation
            except QuarterdeckError:
                conversation = ""  # it is recorded and shown like any other failure
