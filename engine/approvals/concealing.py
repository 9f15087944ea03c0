"""Secrets in what an agent asks for: hidden from whoever reads it, put back where it is edited. Pure.

Only the letters of a token itself are hidden, never what could be a command, so that nothing can hide behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = r"[A-Za-z0-9_\-.+/=~]"  # noqa: S105 - the letters that tokens are made of
_SECRETS = re.compile(
    r"(?P<named>\b(?:sk-ant-|sk-|ghp_|gho_|ghs_|ghu_|github_pat_|glpat-|xox[abpr]-|AKIA|ASIA|AIza|npm_|pypi-))"
    rf"{_TOKEN[:-1]}]{{12,512}}"
    rf"|(?P<bearer>\b(?i:bearer|basic)\s+){_TOKEN}{{12,2048}}"
    rf"|(?P<field>(?i:\b[\w-]{{0,40}}(?:password|passwd|secret|token|api[_-]?key)[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?))"
    r"[A-Za-z0-9_\-+=]{8,512}"
    r"|(?P<url>[a-z][a-z0-9+.-]{0,20}://[\w.%-]{0,80}:)[^\s/@'\"$`;|&<>()]{3,200}(?=@)"
    r"|(?P<key>-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[A-Za-z0-9+/=\s\\]{16,20000}(?=-----END)",
)
_PIECE, _WORD = 32_768, 4096
"""Characters that are searched at once, and how far back from there a blank is looked for."""
_MARK = re.compile(r"‹secret (\d{1,4})›")


def _pieces(text: str) -> Iterator[str]:
    """A long text in pieces that end with a line, or with a word, where there is an end."""
    at = 0
    while at < len(text):
        end = at + _PIECE
        if end < len(text):
            end = max(text.rfind("\n", at, end), text.rfind(" ", end - _WORD, end)) + 1 or end
        yield text[at:end]
        at = end


class Concealer:
    """Owner of the secrets found in one request, numbered as they are shown."""

    def __init__(self) -> None:
        self._secrets: list[str] = []

    @property
    def count(self) -> int:
        """How many different ones there are."""
        return len(self._secrets)

    def hide(self, text: str) -> str:
        """The text with each secret as its number; a long one piece by piece: a search lets no other thread run."""
        if len(text) <= _PIECE:
            return _SECRETS.sub(self._mark, text)
        return "".join(_SECRETS.sub(self._mark, piece) for piece in _pieces(text))

    def restore(self, text: str) -> str:
        """The text with each number as its secret; a number that there is not stays."""

        def secret(found: re.Match[str]) -> str:
            number = int(found[1])
            return self._secrets[number - 1] if 0 < number <= len(self._secrets) else found[0]

        return _MARK.sub(secret, text)

    def _mark(self, found: re.Match[str]) -> str:
        lead = next(part for part in found.groups() if part is not None)
        secret = found[0][len(lead) :]
        if secret not in self._secrets:
            self._secrets.append(secret)
        return f"{lead}‹secret {self._secrets.index(secret) + 1}›"
