"""Secrets in what an agent asks for: hidden from whoever reads it, put back where it is edited. Pure."""

from __future__ import annotations

import re

import msgspec

from engine.base.secret_text import secrets_in

_MARK = re.compile(r"‹secret (\d{1,6})›")


class Concealer:
    """Owner of the secrets found in one request, numbered as they are shown.

    Numbers that stand in the request itself as such a mark are used for none, so that these stay what they are.
    """

    def __init__(self, *given: bytes) -> None:
        self._taken = {number for each in given for number in marks_in(_plain(each))}
        self._secrets: dict[str, int] = {}
        self._numbers: dict[int, str] = {}
        self._last = 0

    @property
    def count(self) -> int:
        """How many different ones there are."""
        return len(self._secrets)

    def hide(self, text: str) -> str:
        """The text with each secret as its number."""
        parts, at = [], 0
        for begin, end in secrets_in(text):
            parts += [text[at:begin], f"‹secret {self._number(text[begin:end])}›"]
            at = end
        return "".join([*parts, text[at:]]) if at else text

    def hide_value(self, name: str, text: str) -> str:
        """The value of a field, with its secrets hidden; the name tells that a single word is one."""
        lead = f"{name}: "
        shown = self.hide(lead + text)
        return shown.removeprefix(lead) if shown.startswith(lead) else self.hide(text)

    def restore(self, text: str) -> str:
        """The text with each number as its secret; a number that there is not stays."""
        return _MARK.sub(lambda found: self._numbers.get(int(found[1]), found[0]), text)

    def _number(self, secret: str) -> int:
        if secret not in self._secrets:
            self._last += 1
            while self._last in self._taken:
                self._last += 1
            self._secrets[secret], self._numbers[self._last] = self._last, secret
        return self._secrets[secret]


def marks_in(text: str) -> set[int]:
    """The numbers of the marks in a text."""
    return {int(number) for number in _MARK.findall(text)}


def _plain(given: bytes) -> str:
    """An input with every letter as itself, however it was escaped."""
    try:
        return msgspec.json.encode(msgspec.json.decode(given)).decode()
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return given.decode("utf-8", "replace")
