"""Seeded traffic whose answers prove themselves: conversations that count their own turns, and one-shots."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from engine.base.clock import Clock, SystemClock
from engine.base.errors import QuarterdeckError
from engine.chaos.scorecard import RequestOutcome
from engine.requests import Answer, Request

Ask = Callable[[Request], Awaitable[Answer]]
"""Answers a request, or raises the QuarterdeckError that states why not."""
CLOCK: Clock = SystemClock()
"""What traffic and drills read the time from: they deal with real processes."""
ONE_SHOTS = 0.3
"""Share of requests that belong to no conversation."""
TALKS = 1
"""Conversations of a user."""
_PAUSE_S = 0.4
"""Longest pause of a user between two requests."""
_HISTORY = re.compile(r"History: (\d+) user messages")


@dataclass(slots=True)
class Conversation:
    """One conversation: `least` user messages are in its history, and at most `most`.

    They differ after a turn that failed, whose prompt may have arrived or not.
    """

    conversation: str = ""
    least: int = 0
    most: int = 0

    def failed(self) -> None:
        """A turn failed."""
        if self.conversation:
            self.most += 1

    def counted(self, messages: int) -> tuple[int, int]:
        """An answered turn found so many user messages; returns how many are missing and how many too many."""
        missing, spare = max(0, self.least + 1 - messages), max(0, messages - self.most - 1)
        self.least = self.most = messages
        return missing, spare


class Traffic:
    """Owner of the users and of the records of what they asked."""

    def __init__(self, ask: Ask, users: int, seed: int, prefix: str) -> None:
        self._ask = ask
        self._users = users
        self._seed = seed
        self._prefix = prefix
        self._stopping = asyncio.Event()
        self.asked: list[RequestOutcome] = []

    async def run(self) -> None:
        """Ask until `stop`; ends when every request has its end."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._users):
                group.create_task(self._user(number))

    def stop(self) -> None:
        """Ask nothing more."""
        self._stopping.set()

    async def _user(self, number: int) -> None:
        rng = random.Random(f"{self._seed}/{number}")  # noqa: S311 - load, not secrets
        talks = [Conversation() for _ in range(TALKS)]
        while not self._stopping.is_set():
            if rng.random() < ONE_SHOTS:
                await self._one_shot(f"user{number}", rng)
            else:
                await self._turn(f"user{number}", rng.choice(talks), rng)
            await self._pause(rng.uniform(0, _PAUSE_S))

    async def _one_shot(self, user: str, rng: random.Random) -> None:
        asked = self._begin()
        said = f"{asked.id} is done"
        prompt = f"[[reply: {said}]] [[pace: {rng.randrange(10, 60)}ms]]"
        answer = await self._submit(asked, Request(id=asked.id, prompt=prompt, user=user))
        if answer is not None and answer.text != said:
            asked.lost = 1

    async def _turn(self, user: str, talk: Conversation, rng: random.Random) -> None:
        asked = self._begin()
        prompt = f"[[history]] [[pace: {rng.randrange(10, 60)}ms]] {asked.id}"
        request = Request(id=asked.id, prompt=prompt, user=user, conversation=talk.conversation)
        answer = await self._submit(asked, request)
        if answer is None:
            talk.failed()
            return
        found = _HISTORY.match(answer.text)
        if found is None or talk.conversation not in {"", answer.conversation}:
            asked.lost = 1
            return
        talk.conversation = answer.conversation
        asked.lost, asked.doubled = talk.counted(int(found[1]))

    def _begin(self) -> RequestOutcome:
        asked = RequestOutcome(id=f"{self._prefix}-{len(self.asked)}", began=CLOCK.wall())
        self.asked.append(asked)
        return asked

    async def _submit(self, asked: RequestOutcome, request: Request) -> Answer | None:
        """The answer; None for a request that failed with a clear error, which is recorded."""
        try:
            answer = await self._ask(request)
        except QuarterdeckError as error:
            asked.code, asked.error, asked.given_up = error.code, error.message, error.given_up
            return None
        else:
            asked.answered = True
            return answer
        finally:
            asked.ended = CLOCK.wall()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
