"""Checks of what a program hands in: each raises BadInput, which names the argument and what is allowed."""

from __future__ import annotations

from enum import StrEnum

from engine.base.errors import BadInput

LARGEST = 1e9
"""Anything above is a mistake: 30 years in seconds."""


def at_least(name: str, value: float, least: float) -> None:
    """A number from `least` up."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= LARGEST:
        raise BadInput(f"{name} is {value!r}.", field=name, remedy=f"Use a number from {least:g} to {LARGEST:g}.")


def share(name: str, value: float) -> None:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise BadInput(f"{name} is {value!r}.", field=name, remedy="Use a number from 0 to 1.")


def one_of(name: str, value: str, words: type[StrEnum]) -> None:
    """One of some words."""
    if value not in {each.value for each in words}:
        allowed = ", ".join(each.value for each in words)
        raise BadInput(f"{name} is {value!r}.", field=name, remedy=f"Use one of {allowed}.")
