"""Sending a prompt: write it, choose where it goes, send it, and go there."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from engine.base.errors import QuarterdeckError

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed
    from tui.model.prompt_target import PromptTarget


async def prompt(console: ConsoleHost, feed: Feed, target: PromptTarget, title: str = "SEND A PROMPT") -> None:
    """Send prompts until the operator is done. Raises what the engine refuses; then the prompt is a draft again."""
    from engine.operations.declared.prompts import SEND_PROMPT, SendPrompt

    while (written := await console.dialogs.enter_prompt(title, target)) is not None:
        chosen = written.target
        wanted = SendPrompt(
            prompt=written.text,
            conversation=chosen.conversation,
            profile=chosen.profile,
            user=chosen.user,
            priority=chosen.priority,
            cwd="" if chosen.conversation else chosen.folder,
            wait=False,
        )
        try:
            sent = await feed.send(SEND_PROMPT, wanted)
        except QuarterdeckError:
            console.dialogs.keep_prompt(target, written.text)
            raise
        session = await console.dialogs.follow_prompt(sent.prompt.request)
        if session:
            console.navigation.open_transcript(session)
        if session != "":
            return
        target = dataclasses.replace(chosen)
