"""What callers send and receive: a request, its answer, and the stream of an answer that grows."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Protocol

import msgspec

from engine.base.caller import DEFAULT_TENANT
from engine.base.errors import BadInput
from engine.base.text import TAG, prompt_title
from engine.events.types import RequestQueued

MAX_PROMPT = 8 * 1024 * 1024
"""Bytes of one prompt."""
PRIORITIES = ("low", "medium", "high", "urgent")
MAX_PERMISSION_S = 7 * 86_400.0
"""Longest time in seconds that a request may let its approvals wait."""
MAX_PATH = 4096
"""Characters of a directory's path."""
MAX_USER = 256
"""Characters of a user's name."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a tenant or a profile may be called: it names a folder."""
_ID = NAME  # it names a file when the request is checkpointed
_CONVERSATION = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


MAX_CACHE_S = 365 * 86400.0
MAX_TAGS = 16


def fresh_id() -> str:
    """An id for a request whose caller gave none."""
    return uuid.uuid4().hex[:12]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt; without an `id` it gets a fresh one, without a conversation a new one. `deadline` is in s from now.

    `permission_timeout` is how long its approvals may wait, in seconds (the setting's without one).
    `cacheable` allows an earlier equal request's answer; its own is kept for `cache_ttl` seconds (the setting's without
    one) under `cache_tags`, by which it can be deleted. `idempotent` allows a second run after tools were used. With
    `commands` a leading `/` is a command of the CLI and an `@` attaches a file; otherwise both are text for the model.
    `cwd` names the directory to work in, one that the profile allows; the conversation stays there.
    """

    prompt: str
    id: str = msgspec.field(default_factory=fresh_id)
    conversation: str = ""
    user: str = ""
    tenant: str = DEFAULT_TENANT
    profile: str = "default"
    priority: str = "medium"
    deadline: float | None = None
    cacheable: bool = False
    cache_ttl: float | None = None
    cache_tags: tuple[str, ...] = ()
    idempotent: bool = False
    commands: bool = False
    permission_timeout: float | None = None
    cwd: str = ""

    def check(self) -> None:
        """Raises BadInput, naming the field, for what could never run."""
        if not _ID.fullmatch(self.id):
            remedy = "Use 1 to 64 letters, digits, `.`, `_` and `-`, a letter or digit first."
            raise BadInput("The id is no name for a request.", field="id", remedy=remedy)
        if self.conversation and not _CONVERSATION.fullmatch(self.conversation):
            remedy = "Use the `conversation` of an earlier answer, or leave it out for a new one."
            raise BadInput("This is no id of a conversation.", field="conversation", remedy=remedy)
        self._check_names()
        if not self.prompt.strip():
            raise BadInput("The prompt is empty.", field="prompt", remedy="Give a prompt.")
        if len(self.prompt.encode("utf-8", "replace")) > MAX_PROMPT:
            raise BadInput(f"The prompt is over {MAX_PROMPT} bytes.", field="prompt", remedy="Put it into a file.")
        if self.priority not in PRIORITIES:
            allowed = ", ".join(PRIORITIES)
            raise BadInput(f"There is no priority {self.priority!r}.", field="priority", remedy=f"Use {allowed}.")
        if self.permission_timeout is not None and not 0 < self.permission_timeout <= MAX_PERMISSION_S:
            remedy = f"Give seconds from above 0 to {MAX_PERMISSION_S:g}."
            raise BadInput("That is no time for an approval to wait.", field="permission_timeout", remedy=remedy)
        self._check_cache()
        if self.deadline is not None and self.deadline <= 0:
            raise BadInput("The deadline has passed.", field="deadline", remedy="Give seconds above 0.")

    def _check_cache(self) -> None:
        if self.cache_ttl is not None and not 0 < self.cache_ttl <= MAX_CACHE_S:
            remedy = f"Give seconds from above 0 to {MAX_CACHE_S:g}."
            raise BadInput("That is no time for an answer to be kept.", field="cache_ttl", remedy=remedy)
        odd = [tag for tag in self.cache_tags if not TAG.fullmatch(tag)]
        if odd or len(self.cache_tags) > MAX_TAGS:
            remedy = f"Use at most {MAX_TAGS} tags of 1 to 64 letters, digits, `.`, `_`, `:` and `-`."
            raise BadInput("These tags cannot be used.", field="cache_tags", remedy=remedy)

    def _check_names(self) -> None:
        """What other people read, and what names a folder."""
        if len(self.user) > MAX_USER:
            raise BadInput(f"The user is over {MAX_USER} characters.", field="user", remedy="Use a shorter name.")
        if not self.user.isprintable():
            remedy = "Use letters, digits, punctuation and blanks."
            raise BadInput("The user holds characters that cannot be shown.", field="user", remedy=remedy)
        for field_name, given in (("tenant", self.tenant), ("profile", self.profile)):
            if not NAME.fullmatch(given):
                remedy = "Use 1 to 64 letters, digits, `.`, `_` and `-`, a letter or digit first."
                raise BadInput(f"The {field_name} is not a name.", field=field_name, remedy=remedy)
        if len(self.cwd) > MAX_PATH or not self.cwd.isprintable():
            remedy = f"Use a path of at most {MAX_PATH} printable characters."
            raise BadInput("The directory's path cannot be used.", field="cwd", remedy=remedy)

    def queued_event(self) -> RequestQueued:
        """The event of its arrival."""
        return RequestQueued(
            request=self.id,
            user=self.user,
            tenant=self.tenant,
            profile=self.profile,
            priority=self.priority,
            prompt=prompt_title(self.prompt),
        )

    def cache_key(self, fingerprint: str) -> str:
        """Names equal requests to what this fingerprint stands for; empty when no cached answer may be used."""
        if not self.cacheable or self.conversation or self.commands or self.cwd:
            return ""
        parts = f"{self.tenant}\0{self.profile}\0{fingerprint}\0{self.prompt}"
        return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a request; times in seconds, cost in US dollars, `denials` counts refused tool uses.

    `cwd` is the directory that its conversation works in.
    """

    request: str
    text: str
    conversation: str
    session: str
    duration: float
    queued: float = 0.0
    attempts: int = 1
    cached: bool = False
    cwd: str = ""
    denials: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_cache_written: int = 0
    cost: float = 0.0
    simulated: bool = False


class AnswerStream(Protocol):
    """Hears an answer grow, on the engine's thread; must be quick."""

    def started(self, session: str, conversation: str) -> None:
        """A session works on it."""

    def delta(self, text: str) -> None:
        """A piece of text."""

    def dropped(self, size: int) -> None:
        """Forget the last `size` characters: they will come again."""


class NullStream:
    """Hears nothing."""

    def started(self, session: str, conversation: str) -> None:
        """Ignored."""

    def delta(self, text: str) -> None:
        """Ignored."""

    def dropped(self, size: int) -> None:
        """Ignored."""
