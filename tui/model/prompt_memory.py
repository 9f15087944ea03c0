"""Prompts that were typed: pastes that stand as one word, what was sent, drafts, and the way through them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tui.render import formats

OPEN, CLOSE = "\U000f5b5b", "\U000f5d5d"
"""What a word for a paste begins and ends with: shown as brackets, and no text can hold them but in a paste."""
FOLDED = 2_000
"""Characters from which on a paste is shown as one word; what is sent is the whole of it."""
EDITABLE = 50_000
"""Characters of a text from the editor that are shown as they are; a longer one is one word."""
PROMPTS_KEPT = 100
KEPT_CHARACTERS = 16 * 1024 * 1024
"""Room for all prompts that were sent, and again for all drafts; the newest of each is kept whatever its size."""
WORD = re.compile(f"{OPEN}(?:paste|text) ([0-9]+): [^{OPEN}{CLOSE}]*{CLOSE}")
_MARKS = re.compile(f"[{OPEN}{CLOSE}]")


class Pastes:
    """Owner of what long pastes stand for: `[paste 1: 5,000 lines, 5.0M]` is one word in the text."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._words: dict[str, str] = {}
        self._last = 0

    def folded(self, text: str, most: int = FOLDED, what: str = "paste") -> str:
        """What is shown for a text from outside: itself, or a word when it is longer than `most`."""
        if len(text) < most and not _MARKS.search(text):
            return text
        if text not in self._words:
            self._last += 1
            self._texts[self._last] = text
            number = text.count("\n") + (not text.endswith("\n"))
            size = formats.size(len(text.encode("utf-8", "surrogatepass")))
            lines = f"{number:,} line" if number == 1 else f"{number:,} lines"
            self._words[text] = f"{OPEN}{what} {self._last}: {lines}, {size}{CLOSE}"
        return self._words[text]

    def refolded(self, text: str, shown: str) -> str:
        """A text that was edited elsewhere as it is shown: the pastes of `shown` that it still holds stay words."""
        parts: list[str] = []
        at = 0
        for found in WORD.finditer(shown):
            whole = self.unfolded(found[0])
            if (begin := text.find(whole, at)) >= 0:
                parts += [self.folded(text[at:begin], EDITABLE, "text"), found[0]]
                at = begin + len(whole)
        return "".join([*parts, self.folded(text[at:], EDITABLE, "text")])

    def unfolded(self, shown: str) -> str:
        """The text with every paste in full."""
        return WORD.sub(lambda found: self._texts.get(int(found[1]), found[0]), shown)

    def size(self, shown: str) -> int:
        """Characters that a text takes with its pastes."""
        return len(shown) + sum(len(self._texts.get(int(found[1]), "")) for found in WORD.finditer(shown))

    def keep_only(self, shown: Iterable[str]) -> None:
        """What none of these texts holds is forgotten."""
        held = {int(found[1]) for text in shown for found in WORD.finditer(text)}
        for number in [number for number in self._texts if number not in held]:
            del self._words[self._texts.pop(number)]


class PromptMemory:
    """Owner of the prompts that were sent from this console, and of what was typed and not sent, by target.

    Both are kept as they are shown, with words for pastes.
    """

    def __init__(self) -> None:
        self.pastes = Pastes()
        self.sent: list[str] = []
        self.drafts: dict[str, str] = {}

    def close(self, target: str, draft: str, recallable: Iterable[str] = ()) -> None:
        """A dialog is left with a draft, or none; what can be recalled from now on ends with what was sent."""
        self.drafts.pop(target, None)
        if draft.strip():
            self.drafts[target] = draft
        for text in recallable:
            self.sent = [*(each for each in self.sent if each != text), text]
        self._make_room()

    def _make_room(self) -> None:
        self.sent = self._newest(self.sent)
        kept = len(self._newest(list(self.drafts.values())))
        for oldest in list(self.drafts)[: len(self.drafts) - kept]:
            del self.drafts[oldest]
        self.pastes.keep_only([*self.sent, *self.drafts.values()])

    def _newest(self, texts: list[str]) -> list[str]:
        kept, room = 0, KEPT_CHARACTERS
        for text in reversed(texts[-PROMPTS_KEPT:]):
            room -= self.pastes.size(text)
            if room < 0 and kept:
                break
            kept += 1
        return texts[len(texts) - kept :]


class Recall:
    """Owner of the way through the prompts that were sent; what is changed on the way stays there."""

    def __init__(self, sent: list[str], draft: str) -> None:
        self._original = [*sent, draft]
        self._texts = [*sent, draft]
        self._at = len(sent)

    def step(self, shown: str, step: int) -> str | None:
        """The prompt so many steps on, None at an end; `shown` is what stands here now."""
        at = self._at + step
        if not 0 <= at < len(self._texts):
            return None
        self._texts[self._at], self._at = shown, at
        return self._texts[at]

    def left(self, shown: str) -> tuple[str, list[str]]:
        """The draft when the dialog is left, and what else was typed on the way."""
        self._texts[self._at] = shown
        typed = self._typed()
        draft = self._at if self._at in typed else len(self._texts) - 1
        return self._texts[draft], [self._texts[at] for at in typed if at != draft]

    def sent(self, shown: str) -> tuple[str, list[str]]:
        """The draft that stays when what is shown is sent, and what else was typed on the way."""
        self._texts[self._at] = shown
        last = len(self._texts) - 1
        draft = self._texts[last] if self._at != last else ""
        return draft, [self._texts[at] for at in self._typed() if at not in {self._at, last}]

    def _typed(self) -> list[int]:
        last = len(self._texts) - 1
        return [
            at for at, text in enumerate(self._texts) if text.strip() and (at == last or text != self._original[at])
        ]
