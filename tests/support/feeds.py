"""What a person does through a feed, as operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.operations.declared import breakers, config, errors, permissions, pool, profiles, prompts, sessions
from engine.operations.operation import NoArguments
from tui.feeds.base import Feed


async def prompt(feed: Feed, text: str, *, profile: str = "default") -> str:
    """Send a prompt; the request's id."""
    sent = await feed.send(prompts.SEND_PROMPT, prompts.SendPrompt(prompt=text, profile=profile, wait=False))
    return sent.prompt.request


async def interrupt(feed: Feed, session: str) -> bool:
    """End a session's turn."""
    return (await feed.send(sessions.INTERRUPT_SESSION, sessions.SessionId(id=session))).interrupted


async def stop(feed: Feed, session: str, *, kill: bool) -> None:
    """Stop or kill a session."""
    if kill:
        await feed.send(sessions.KILL_SESSION, sessions.StopSession(id=session))
    else:
        await feed.send(sessions.STOP_SESSION, sessions.StopSession(id=session))


async def recycle(feed: Feed, session: str) -> None:
    """End a session with its turn."""
    await feed.send(sessions.RECYCLE_SESSION, sessions.RecycleSession(id=session))


async def hibernate(feed: Feed, session: str) -> None:
    """End an idle session's process."""
    await feed.send(sessions.HIBERNATE_SESSION, sessions.SessionId(id=session))


async def drain_profile(feed: Feed, name: str) -> int:
    """Drain a profile; the number of its sessions that ended."""
    return (await feed.send(profiles.DRAIN_PROFILE, profiles.DrainProfile(name=name))).drained.sessions


async def scale(feed: Feed, size: int) -> None:
    """Set the size of the pool."""
    await feed.send(pool.SCALE_POOL, pool.Scale(target=size))


async def autoscale(feed: Feed, on: bool) -> None:
    """Follow the load, or stay."""
    await feed.send(pool.AUTOSCALE_POOL, pool.Autoscale(enabled=on))


async def answer(feed: Feed, permission: str, *, allowed: bool, scope: str = "once") -> None:
    """Answer a permission."""
    given = permissions.AnswerPermission(id=permission, allowed=allowed, scope=scope)
    await feed.send(permissions.ANSWER_PERMISSION, given)


async def answer_group(
    feed: Feed, group: str, *, allowed: bool, scope: str = "once", expires: str | None = None
) -> int:
    """Answer a group; how many waited."""
    given = permissions.AnswerGroup(key=group, allowed=allowed, scope=scope, expires=expires)
    return (await feed.send(permissions.ANSWER_GROUP, given)).group.answered


async def cancel(feed: Feed, request: str) -> None:
    """End a request."""
    await feed.send(prompts.CANCEL_PROMPT, prompts.PromptId(id=request))


async def control_breaker(feed: Feed, breaker: str, act: str) -> None:
    """Set a breaker by hand."""
    await feed.send(breakers.CONTROL_BREAKER, breakers.ControlBreaker(name=breaker, act=act))


async def correct(feed: Feed, error: str, kind: str) -> str:
    """Correct the class of an error; the id of the rule."""
    given = msgspec.convert({"id": error, "type": kind}, errors.CorrectError)
    return (await feed.send(errors.CORRECT_ERROR, given)).rule.id


async def settings(feed: Feed) -> dict[str, Any]:
    """All settings."""
    return (await feed.send(config.SHOW_SETTINGS, NoArguments())).config


async def change_settings(feed: Feed, changes: Mapping[str, Any]) -> None:
    """Change settings."""
    await feed.send(config.CHANGE_SETTINGS, config.ChangeSettings(changes=dict(changes)))


async def check_settings(feed: Feed, changes: Mapping[str, Any]) -> None:
    """Check settings."""
    await feed.send(config.CHECK_SETTINGS, config.ChangeSettings(changes=dict(changes)))


async def undo_settings(feed: Feed) -> None:
    """Undo the last change."""
    await feed.send(config.UNDO_SETTINGS, NoArguments())
