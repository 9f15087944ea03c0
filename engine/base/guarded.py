"""A policy of an extension: where it fails, the built-in one decides from then on, and the operators are notified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.base.text import one_line

P = TypeVar("P")
R = TypeVar("R")
Notify = Callable[[str, str], None]
"""Is called with a sentence for the operators, and what they can do."""


@dataclass(frozen=True, slots=True)
class PolicyName:
    """How people know a policy: its kind, the name that the setting `key` gives it, the name of the built-in one."""

    kind: str
    name: str
    key: str
    built_in: str


class Guard(Generic[P]):
    """Owner of the policy in use: the extension's until it fails, the built-in one afterwards."""

    def __init__(self, policy: P, built_in: P, name: PolicyName, notify: Notify) -> None:
        self._policy = policy
        self._built_in = built_in
        self._name = name
        self._notify = notify

    def ask(self, question: Callable[[P], R]) -> R:
        """The policy's answer to a question, which raises for what is no answer."""
        if self._policy is not self._built_in:
            try:
                return question(self._policy)
            except Exception as error:  # noqa: BLE001 - an extension is somebody else's code
                self._failed(error)
        return question(self._built_in)

    def _failed(self, error: Exception) -> None:
        self._policy, name = self._built_in, self._name
        reason = one_line(f"{type(error).__name__}: {error}")
        text = f"The {name.kind} {name.name!r} failed, and {name.built_in} decides in its place: {reason}"
        self._notify(text, f"Correct it and start the engine again, or set `{name.key}` to {name.built_in}.")
