"""Word classes of a rules file: `@refused` in a phrase stands for all the words that the file lists under `refused`."""

from __future__ import annotations

import re
from typing import Any

_NAMED = re.compile(r"@([a-z_]+)")
_PHRASE_KEYS = ("says", "names", "unless")


class WordClasses:
    """The classes that a file defines; a mistake in them is added to the file's problems."""

    def __init__(self, tables: Any, problems: list[str], name: str) -> None:
        self._words: dict[str, str] = {}
        if not isinstance(tables, dict):
            problems.append(f"{name}: class is no table of words.")
            return
        for key, words in tables.items():
            if isinstance(words, str) and words.split():
                self._words[key] = "|".join(words.split())
            else:
                problems.append(f"{name}: the class {key} is not a text of words.")

    def spelled_out(self, table: Any) -> Any:
        """A rule's table with the words in place of each class; the name of an unknown class stays and is refused."""
        if not isinstance(table, dict):
            return table
        return {key: self._phrases(value) if key in _PHRASE_KEYS else value for key, value in table.items()}

    def _phrases(self, phrases: Any) -> Any:
        if not isinstance(phrases, list):
            return phrases
        return [self._phrase(phrase) if isinstance(phrase, str) else phrase for phrase in phrases]

    def _phrase(self, phrase: str) -> str:
        return _NAMED.sub(lambda match: self._words.get(match[1], match[0]), phrase)
