"""Checks of what a program hands in: each raises BadInput, which names the argument and what is allowed."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from enum import StrEnum
from types import UnionType
from typing import Any, TypeVar

from engine.base.errors import BadInput

T = TypeVar("T")
LARGEST = 1e9
"""Anything above is a mistake: 30 years in seconds."""
LONGEST_SHOWN = 100


def at_least(name: str, value: float, least: float, largest: float = LARGEST) -> None:
    """A number from `least` up to `largest`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= largest:
        raise BadInput(f"{name} is {value!r}.", field=name, remedy=f"Use a number from {least:g} to {largest:g}.")


def share(name: str, value: float) -> None:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise BadInput(f"{name} is {value!r}.", field=name, remedy="Use a number from 0 to 1.")


def one_of(name: str, value: str, words: type[StrEnum]) -> None:
    """One of some words."""
    if value not in {each.value for each in words}:
        allowed = ", ".join(each.value for each in words)
        raise BadInput(f"{name} is {value!r}.", field=name, remedy=f"Use one of {allowed}.")


def of_kind(name: str, value: object, kind: type | UnionType, remedy: str) -> None:
    """An object of a class, or of one of some."""
    if not isinstance(value, kind):
        raise BadInput(f"{name} is {_shown(value)}.", field=name, remedy=remedy)


def several(name: str, values: Iterable[T]) -> tuple[T, ...]:
    """Some values together; a text or a mapping is not meant as one."""
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        raise BadInput(f"{name} is {_shown(values)}.", field=name, remedy="Use a list.")
    return tuple(values)


def coroutine(name: str, work: Coroutine[Any, Any, Any]) -> None:
    """What an `async def` function returns when it is called."""
    remedy = "Call an `async def` function, as in `spawn_worker(job())`."
    of_kind(name, work, Coroutine, remedy)


def _shown(value: object) -> str:
    """A value as a sentence has it: what is long is cut."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
