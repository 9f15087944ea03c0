"""A policy of an extension: where it fails, the built-in one decides from then on, and the operators are notified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from engine.base.text import one_line

P = TypeVar("P")
R = TypeVar("R")
Notify = Callable[[str, str], None]
"""Is called with a sentence for the operators, and what they can do."""


class Trust:
    """Whether an extension's policy is still asked: several objects of it share one, and it ends once for all.

    People know it by `kind` and `name`; `key` is the setting that names it, `built_in` decides afterwards.
    """

    def __init__(self, kind: str, name: str, key: str, built_in: str, notify: Notify) -> None:
        self._policy = f"{kind} {name!r}"
        self._key = key
        self._built_in = built_in
        self._notify = notify
        self.lost = False

    def lose(self, error: Exception) -> None:
        """The policy failed; the operators are notified the first time."""
        if self.lost:
            return
        self.lost = True
        reason = one_line(f"{type(error).__name__}: {error}")
        text = f"The {self._policy} failed, and {self._built_in} decides in its place: {reason}"
        self._notify(text, f"Correct it and start the engine again, or set `{self._key}` to {self._built_in}.")


class Guard(Generic[P]):
    """Owner of a policy of an extension and of the built-in one behind it, which decides once the trust is lost."""

    def __init__(self, policy: P, built_in: P, trust: Trust) -> None:
        self._policy = policy
        self._built_in = built_in
        self._trust = trust

    def ask(self, question: Callable[[P], R]) -> R:
        """The policy's answer to a question, which raises for what is no answer."""
        if not self._trust.lost:
            try:
                return question(self._policy)
            except Exception as error:  # noqa: BLE001 - an extension is somebody else's code
                self._trust.lose(error)
        return question(self._built_in)
