"""Every stream and every request that nobody waits for has an end, whatever fails."""

from __future__ import annotations

import asyncio
import errno

import pytest

from engine.api import answers
from engine.base.errors import BadInput
from engine.events.types import Notice
from engine.operations.declared.prompts import SentPrompt, SentPromptResult
from tests.api.serving import Served
from tests.pool.pools import RecordedEvents
from tests.support.processes import until

ANSWERED = SentPromptResult(prompt=SentPrompt(request="r1"))


async def _no_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_stream_that_fails_inside_ends_with_an_error(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.engine.dispatcher, "dispatch", _no_disk)
    name, error = (await served.stream("one"))[-1]
    assert (name, error["code"]) == ("error", "internal")
    assert error["remedy"]


@pytest.mark.parametrize("error", [None, BadInput("no"), OSError(errno.EIO, "no")], ids=["answer", "ours", "other"])
async def test_the_last_event_is_heard_beyond_the_bound(error: Exception | None) -> None:
    heard = answers._Growing()
    for _ in range(answers.MAX_WAITING + 1):
        heard.dropped(1)
    work = asyncio.get_running_loop().create_future()
    work.set_exception(error) if error else work.set_result(ANSWERED)
    heard.end(work)
    assert len(heard.waiting) == answers.MAX_WAITING + 1
    assert heard.waiting[-1][0] == ("error" if error else "answer")


async def test_nothing_follows_the_last_event() -> None:
    heard = answers._Growing()
    heard.delta("one ")
    heard.cut()
    heard.delta("two")
    heard.dropped(3)
    heard.started("s1", "c1")
    assert [name for name, _ in heard.waiting] == ["delta", "error"]


async def test_a_request_that_nobody_waits_for_ends_whatever_fails(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.engine.dispatcher, "dispatch", _no_disk)
    notices = RecordedEvents(served.engine)
    sent = (await served.data("POST", "/api/prompts", {"prompt": "one", "wait": False}, 202))["prompt"]["request"]
    await until(lambda: any("No space left" in each.text for each in notices.of(Notice)))
    ended = (await served.data("GET", f"/api/prompts/{sent}"))["prompt"]
    assert (ended["state"], ended["error"]["code"]) == ("failed", "internal")
