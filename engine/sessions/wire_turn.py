"""A turn as it stands on the wire: what streamed, which tools run, how its last message ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from engine.sessions.messages import Assistant, Usage

MAX_TOOLS = 256
"""Uses of tools of one turn whose results are waited for; at the bound the oldest is forgotten."""
MAX_STEERS = 16
"""Prompts that may wait to take the place of the running one."""
SYNTHETIC = "<synthetic>"
"""The model that the CLI names in messages of its own."""
_NO_USAGE = Raw(b"{}")


@dataclass(slots=True)
class Turn:
    """The turn in flight: `text` is what streamed so far, `open_from` where the unfinished message begins.

    `steers` are the prompts that were sent to take this one's place; `tools` names the tool of each use whose result is
    to come. `started` is False while the prompt queues behind a turn that the CLI began by itself, `confirmed` once the
    CLI stated that it works on the prompt. `written` are the finished texts, `failure` the last message if it was an
    error, `answered` whether a model sent any message; `model` and `usage` are those of the last message of a model.
    `resets_at` is when the plan's limit ends that refused a call, in seconds since 1970.
    """

    uuid: str
    prompt: str
    started: bool = True
    interrupted: bool = False
    text: list[str] = field(default_factory=list)
    open_from: int | None = None
    tools: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    failure: Assistant | None = None
    answered: bool = False
    confirmed: bool = False
    steers: list[str] = field(default_factory=list)
    model: str = ""
    usage: Raw = field(default_factory=lambda: _NO_USAGE)
    resets_at: float | None = None

    @property
    def last_usage(self) -> Usage:
        """What the last message of a model took; nothing where it does not say."""
        try:
            return msgspec.json.decode(self.usage, type=Usage)
        except msgspec.DecodeError:
            return Usage()

    @property
    def steerable(self) -> bool:
        """Whether another prompt may take this one's place."""
        return self.started and not self.interrupted and len(self.steers) < MAX_STEERS

    @property
    def why_withdrawn(self) -> str:
        """Why a permission that its agent asked for waits no more; empty where that is the agent's own matter."""
        return "its turn was interrupted" if self.interrupted else "its turn was steered" if self.steers else ""

    def steered(self, answered: Sequence[str]) -> int | None:
        """Go on with the prompt that was sent to take this one's place; None when none is left that waits.

        `answered` are the prompts that a result names. Returns the length in characters of what came of this one.
        """
        self.steers = [uuid for uuid in self.steers if uuid not in answered]
        if not self.steers:
            return None
        size = self.wait()
        self.started, self.uuid = True, self.steers.pop(0)
        return size

    def wait(self) -> int:
        """The CLI works on something else: what came so far was never ours; return its length in characters."""
        size = sum(map(len, self.text))
        self.started = self.confirmed = self.answered = False
        self.open_from = self.failure = None
        for kept in (self.text, self.written, self.tools):
            kept.clear()
        return size

    def uses(self, use: str, tool: str) -> None:
        """A tool is about to be used."""
        self.tools[use] = tool
        if len(self.tools) > MAX_TOOLS:
            del self.tools[next(iter(self.tools))]

    def message(self, message: Assistant, texts: list[str]) -> None:
        """A message of the main agent is here."""
        self.failure = message if message.error else None
        if not message.error:
            if message.message.model != SYNTHETIC:
                self.answered, self.model, self.usage = True, message.message.model, message.message.usage
            self.written += [text for text in texts if text.strip()]

    def whole_text(self) -> str:
        """All that was written in this turn; what streamed where no finished message came."""
        return "\n\n".join(self.written) or "".join(self.text)

    def drop_partial(self) -> int:
        """Forget the unfinished message's text; return its length in characters."""
        if self.open_from is None:
            return 0
        size = sum(map(len, self.text[self.open_from :]))
        del self.text[self.open_from :]
        self.open_from = None
        return size
