"""What can be chosen for a prompt beside its text: each by a key, from what the engine and the folder have."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING

import msgspec

from engine.base.errors import QuarterdeckError
from engine.operations.declared.conversations import (
    LIST_CONVERSATIONS,
    WAKE_CONVERSATION,
    ConversationId,
    ConversationRow,
    ListConversations,
)
from engine.operations.declared.profiles import LIST_PROFILES, ProfileRow
from engine.operations.operation import NoArguments
from tui.model.prompt_target import PromptTarget, priorities, users_of
from tui.model.templates import Template, read_templates
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, fit, width_of

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost

CHOICES = (
    ("f2", "c", "conversation"),
    ("f3", "p", "profile"),
    ("f4", "f", "folder"),
    ("f5", "u", "user"),
    ("f6", "r", "priority"),
    ("f7", "t", "template"),
)
"""Key, letter in the menu, and what is chosen."""
LISTED = 100
"""Conversations that one search brings; the others are found by more of their text."""
LONGEST_SEARCH = 200
_NEW, _OTHER, _OWN, _YOU = "new", "another…", "its own", "you"
_KEYS = "enter take · esc keep"


def shown_choices(target: PromptTarget) -> dict[str, str]:
    """What is chosen now, by what it is."""
    return {
        "conversation": target.title or target.conversation[:8] or _NEW,
        "profile": target.profile,
        "folder": target.folder or _OWN,
        "user": target.user or _YOU,
        "priority": target.priority,
        "template": "",
    }


def choice_lines(target: PromptTarget, width: int) -> list[Line]:
    """The keys with what they choose, in as many lines as they need."""
    shown = shown_choices(target)
    lines: list[Line] = [[]]
    for key, _letter, what in CHOICES:
        value = fit(shown[what], min(40, max(8, width - 20))).rstrip()
        group: Line = [(key, "key"), (f" {what}{' ' if value else ''}", "muted"), (f"{value}   ", "strong")]
        if lines[-1] and width_of([*lines[-1], *group]) > width + 3:
            lines.append([])
        lines[-1] += group
    return lines


def _about(row: ConversationRow) -> str:
    return clean(f"{fit(row.state, 10)} {fit(row.user or '–', 8)} {row.title or row.last_words[:40]}")


class PromptChoices:
    """Owner of what is chosen for one prompt. Its questions are awaited inside a worker."""

    def __init__(self, console: ConsoleHost, target: PromptTarget) -> None:
        self._console = console
        self._asked_to_wake: set[str] = set()
        self.target = target

    async def choose(self, what: str) -> str | None:
        """Ask for one of CHOICES; the text to put in, of a template. Raises QuarterdeckError."""
        match what:
            case "conversation":
                await self._conversation()
            case "profile":
                await self._profile()
            case "folder":
                await self._folder()
            case "user":
                await self._user()
            case "priority":
                options = priorities()
                if name := await self._ask("PRIORITY", options, self.target.priority):
                    self._change(priority=name)
            case _:
                return await self._template()
        return None

    async def wake(self) -> None:
        """Ask the engine to wake the conversation that the prompt is for, where that takes nothing from others."""
        feed, conversation = self._console.feed, self.target.conversation
        awake = {row.conversation for row in self._console.store.live.sessions.values()}
        if feed is None or not conversation or conversation in self._asked_to_wake | awake:
            return
        self._asked_to_wake.add(conversation)
        with contextlib.suppress(QuarterdeckError):  # the prompt itself reports what is wrong
            await feed.send(WAKE_CONVERSATION, ConversationId(id=conversation))

    async def menu(self) -> str | None:
        """Which of CHOICES is to be made, chosen by a letter."""
        shown = shown_choices(self.target)
        options = [(letter, f"{what:<13}{shown[what]}") for _key, letter, what in CHOICES]
        letter = await self._console.dialogs.choose_letter("CHOOSE", options)
        return next((what for _key, each, what in CHOICES if each == letter), None)

    def _change(self, **values: str) -> None:
        self.target = dataclasses.replace(self.target, **values)

    async def _ask(self, title: str, options: list[tuple[str, str]], current: str) -> str | None:
        return await self._console.dialogs.choose(title, options, current, keys=_KEYS)

    async def _conversation(self) -> None:
        feed = self._console.feed
        if feed is None:
            return
        known: dict[str, ConversationRow] = {}

        async def search(text: str) -> list[tuple[str, str]]:
            wanted = ListConversations(limit=LISTED, q=text[:LONGEST_SEARCH] or msgspec.UNSET)
            rows = (await feed.send(LIST_CONVERSATIONS, wanted)).conversations
            known.update({row.id[:8]: row for row in rows})
            return [(row.id[:8], _about(row)) for row in rows]

        options = [(_NEW, f"a new one of {self.target.profile}"), *await search("")]
        current = self.target.conversation[:8] or _NEW
        taken = await self._console.dialogs.find(
            "CONVERSATION", options, current, search, keys=f"type to find · {_KEYS}"
        )
        if taken == _NEW:
            self._change(conversation="", title="", folder="")
        elif taken is not None:
            row = known[taken]
            title = f"{taken} {clean(row.title)}".strip()
            profile = row.profile or self.target.profile
            self._change(conversation=row.id, title=title, profile=profile, folder=row.directory)

    async def _profiles(self) -> list[ProfileRow]:
        feed = self._console.feed
        return (await feed.send(LIST_PROFILES, NoArguments())).profiles if feed is not None else []

    async def _profile(self) -> None:
        options = [
            (row.name, clean(f"{row.model or ''}  {formats.plural(row.sessions, 'session')}  {row.note}".strip()))
            for row in await self._profiles()
        ]
        taken = await self._ask("PROFILE", options, self.target.profile)
        if taken and taken != self.target.profile:
            self._change(profile=taken, conversation="", title="", folder="")

    async def _folder(self) -> None:
        if self.target.conversation:
            self._console.notify("A conversation keeps its folder; choose a new one to work elsewhere.")
            return
        row = next((row for row in await self._profiles() if row.name == self.target.profile), None)
        directories = row.directories if row is not None else []
        if not directories:
            named = f"profiles.{self.target.profile}.directories"
            self._console.notify(f"{self.target.profile} allows no other folder; `{named}` lists them.")
            return
        own = (row.workspace if row is not None else "") or "a new one for each conversation"
        options = [(_OWN, own), *((each, "") for each in directories), (_OTHER, "a folder below one of these")]
        taken = await self._ask("FOLDER", options, self.target.folder or _OWN)
        if taken == _OTHER:
            begin = self.target.folder or directories[0]
            taken = await self._console.dialogs.enter_text("FOLDER", [], "take", "an absolute path", begin)
        if taken:
            self._change(folder="" if taken == _OWN else taken)

    async def _user(self) -> None:
        names = users_of(self._console.store.live)
        options = [(_YOU, "your own name"), *((name, "") for name in names), (_OTHER, "")]
        taken = await self._ask("USER", options, self.target.user or _YOU)
        if taken == _OTHER:
            taken = await self._console.dialogs.enter_text("USER", [], "take", "a name", self.target.user)
        if taken:
            self._change(user="" if taken == _YOU else taken)

    async def _template(self) -> str | None:
        folder = self._console.templates
        try:
            found = await asyncio.to_thread(read_templates, folder)
        except OSError as error:
            why = f"Templates are read from {clean(str(folder))}, which cannot be read: {error.strerror}."
            raise QuarterdeckError(why, remedy="Create it, or set `console.templates`.") from error
        if not found:
            self._console.notify(f"There is no template in {clean(str(folder))}; put one there as name.md.")
            return None
        options = [(each.name, f"✖ {each.problem}" if each.problem else each.description) for each in found]
        taken = await self._ask("TEMPLATE", [(clean(name), clean(text)) for name, text in options], "")
        template = next((each for each in found if clean(each.name) == taken), None)
        if template is None:
            return None
        if template.problem:
            raise QuarterdeckError(f"Template {clean(template.name)} is not used: {clean(template.problem)}.")
        return await self._filled(template)

    async def _filled(self, template: Template) -> str | None:
        """Its text, once all placeholders are filled in; None when that was left."""
        values: dict[str, str] = {}
        dialogs, title = self._console.dialogs, f"TEMPLATE {clean(template.name)}"
        for each in template.placeholders:
            if each.options:
                options = [(option, "") for option in each.options]
                value = await dialogs.choose(f"{title}: {each.name}", options, "", keys=_KEYS)
            else:
                value = await dialogs.enter_text(title, [], "take", each.name, each.value, optional=True)
            if value is None:
                return None
            values[each.name] = value
        if template.priority:
            self._change(priority=template.priority)
        if template.profile and template.profile != self.target.profile:
            if self.target.conversation:
                self._console.notify(f"The template is meant for profile {clean(template.profile)}.")
            else:
                self._change(profile=template.profile, folder="")
        return template.filled(values)
