"""Demo traffic: a few invented users who keep a simulated pool busy. It is never shown without saying so."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable

from engine.base.errors import QuarterdeckError
from engine.requests import Answer, AnswerStream, Request

USERS = ("ana", "ben", "chi", "dora")
PROMPTS = (
    "fix flaky test in auth\n[[think: looking at the fixture]] [[words: 120]] [[pace: 40ms]]",
    'refactor queue worker\n[[tool: Bash {"command": "ls -l"}]] [[words: 160]] [[pace: 45ms]]',
    "review the pull request about leases\n[[words: 220]] [[pace: 30ms]]",
    "write migration 0042\n[[delay: 2s]] [[words: 90]] [[pace: 60ms]]",
    'update docs index\n[[tool: Bash {"command": "echo 12 pages indexed"}]] [[words: 60]] [[pace: 50ms]]',
    "triage crash reports\n[[words: 140]] [[pace: 35ms]]",
    "add retry budget\n[[fault: http529 x1]] [[words: 100]] [[pace: 40ms]]",
)
"""The first line is the prompt's title; the directives below it shape the simulated answer."""
ASKING = 'publish release notes\n[[tool: Write {"file_path": "notes.md", "content": "1.4: leases"}]] [[words: 40]]'
"""A prompt whose tool waits for an operator's approval."""
ASKING_SHARE = 0.04
"""Share of the prompts that are `ASKING`: a waiting session is out of the play until it is answered or denied."""
_PAUSE_S = (1.0, 8.0)

Submit = Callable[[Request, AnswerStream | None], Awaitable[Answer]]


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
            prompt = ASKING if self._chance.random() < ASKING_SHARE else self._chance.choice(PROMPTS)
            request = Request(id=f"demo-{next(self._numbers)}", prompt=prompt, user=user, conversation=conversation)
            try:
                conversation = (await self._submit(request, None)).conversation
            except (QuarterdeckError, OSError):
                conversation = ""  # it is recorded and shown like any other failure
