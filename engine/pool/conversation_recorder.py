"""How conversations went, written down turn by turn: title, user, turns, cost, last words."""

from __future__ import annotations

import contextlib
from collections import OrderedDict

from engine.base.secret_text import redact
from engine.base.text import one_line
from engine.events.types import EventEnvelope, ForeignTurnEnded, TurnEnded, TurnStarted
from engine.pool.conversations import Conversations
from engine.sessions.transcripts import Transcripts
from engine.store.conversations import ConversationStore, Progress
from engine.store.sqlite import StoreUnusable

LAST_WORDS = 200
"""Characters that are kept of what the agent said last."""
_READ = 2_000
"""Characters of what was said last that are looked at."""
_OWED = 1_000
"""Notes that wait for a store that cannot be written; the oldest are dropped."""
LOOKED_AT = 20
"""Entries at the end of a transcript among which the last words are looked for."""


class ConversationRecorder:
    """Listens to the bus; what the store cannot take now it takes after a later turn."""

    def __init__(self, conversations: Conversations, store: ConversationStore, transcripts: Transcripts) -> None:
        self._conversations = conversations
        self._store = store
        self._transcripts = transcripts
        self._owed: OrderedDict[int, tuple[tuple[str, str], Progress]] = OrderedDict()
        self._number = 0

    def follow(self, stamped: EventEnvelope) -> None:
        """Note what an event says of a conversation."""
        match stamped.event:
            case TurnStarted(session=session, prompt=prompt, user=user):
                more = Progress(stamped.at, prompt, user, revives=True)
            case TurnEnded(session=session, cost=cost) | ForeignTurnEnded(session=session, cost=cost):
                more = Progress(stamped.at, turns=1, cost=cost, last_words=self._said(session))
            case _:
                return
        if (key := self._conversations.held_in(session)) is not None:
            self._number += 1
            self._owed[self._number] = (key, more)
            if len(self._owed) > _OWED:
                self._owed.popitem(last=False)
            self.write()

    def write(self) -> None:
        """Write what is owed, in order."""
        with contextlib.suppress(StoreUnusable):  # the store reports itself
            for number, (key, more) in list(self._owed.items()):
                self._store.add(*key, more)
                del self._owed[number]

    def _said(self, session: str) -> str:
        """What the agent said last in its turn."""
        for entry in reversed(self._transcripts.page(session, last=LOOKED_AT).entries):
            if entry.kind == "user":
                break
            if entry.kind == "assistant":
                return last_words(entry.text)
        return ""


def last_words(text: str) -> str:
    """What is kept of what the agent said last."""
    return one_line(redact(text[:_READ]), LAST_WORDS)
