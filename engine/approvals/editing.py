"""An input that an operator edits before allowing it: the texts that may be edited, and what is made of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.approvals.concealing import Concealer, marks_in
from engine.base.errors import BadInput

MOST_EDITABLE = 64 << 10
"""Characters of a text that can be edited; a longer one is allowed or denied as it is."""


def fields_of(given: bytes) -> dict[str, Any] | None:
    """The fields of an input; None for one that is no JSON object."""
    try:
        fields = msgspec.json.decode(given)
    except msgspec.DecodeError:
        return None
    return fields if isinstance(fields, dict) else None


def editable(given: bytes, hidden: Concealer) -> dict[str, str]:
    """The texts of an input that may be edited, by field, with their secrets hidden."""
    return {
        key: hidden.hide_value(key, value)
        for key, value in (fields_of(given) or {}).items()
        if isinstance(value, str) and len(value) <= MOST_EDITABLE
    }


def edited_input(given: bytes, edits: Mapping[str, str]) -> bytes:
    """The input with these texts in place of its own, hidden secrets put back. Raises BadInput naming the field."""
    hidden = Concealer(given)
    texts = editable(given, hidden)
    if wrong := next((key for key in edits if key not in texts), None):
        known = ", ".join(texts) or "none"
        raise BadInput(f"The input has no text {wrong!r} to edit.", field="edited", remedy=f"It has: {known}.")
    if long := next((key for key, text in edits.items() if len(text) > MOST_EDITABLE), None):
        raise BadInput(f"{long!r} is over {MOST_EDITABLE} characters.", field="edited", remedy="Give a shorter text.")
    for key, text in edits.items():
        _check_marks(key, text, texts[key])
    fields = fields_of(given) or {}
    changed = {key: hidden.restore(text) for key, text in edits.items()}
    return msgspec.json.encode({**fields, **changed})


def _check_marks(key: str, text: str, shown: str) -> None:
    """A mark stands for what it stood for in this text; one that was not there stands for nothing."""
    if strange := sorted(marks_in(text) - marks_in(shown)):
        remedy = "Keep a mark of this text, or write the text out without one."
        raise BadInput(f"{key!r} as it is shown has no ‹secret {strange[0]}›.", field="edited", remedy=remedy)
