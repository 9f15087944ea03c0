"""Secrets in a tool's input while it is written: however it is cut into pieces, none is ever shown."""

from __future__ import annotations

import random

import pytest

from engine.base.secret_text import SHOWN, redact
from engine.sessions.live_secrets import CONTEXT, MOST_HELD, LiveSecrets

TOKEN = "sk-ant-" + "api03" + "Q7" * 20
KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\\n"
    + "\\n".join(["MIIEowIBAAKCAQEAx7Zq" * 3] * 20)
    + "\\n-----END RSA PRIVATE KEY-----"
)
INPUTS = [
    '{"command": "export ANTHROPIC_API_KEY=' + TOKEN + ' && make test"}',
    '{"command": "curl -H \\"Authorization: Bearer abcdef0123456789abcdef\\" https://x.example/y"}',
    '{"file_path": "/w/.env", "content": "DB_PASSWORD=hunter2hunter2\\nPORT=80\\n' + KEY + '\\nafter"}',
    '{"command": "' + "echo a few words without any secret " * 300 + '"}',
]


def cut(text: str, rng: random.Random, most: int) -> list[str]:
    """The text in pieces of up to `most` characters."""
    pieces = []
    while text:
        size = rng.randint(1, most)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


@pytest.mark.parametrize("most", [1, 3, 17, 400])
@pytest.mark.parametrize("text", INPUTS)
def test_what_is_shown_is_what_the_events_show(text: str, most: int) -> None:
    rng = random.Random(most)
    live, shown, whole = LiveSecrets(), "", redact(text)
    for piece in cut(text, rng, most):
        shown += live.grow(piece)
        assert TOKEN not in shown
        assert TOKEN[:20] not in shown
        assert whole.startswith(shown)
    assert shown + live.end() == whole


def test_a_secret_far_behind_its_name_s_context_and_a_long_word_stay_bounded() -> None:
    live = LiveSecrets()
    shown = live.grow("x" * (MOST_HELD + 1))
    assert len(shown) == MOST_HELD + 1
    assert live.grow(" " + "y " * CONTEXT).startswith(" y y")
    assert SHOWN in live.grow(f"token={TOKEN} and more words") + live.end()


def test_short_words_come_at_once_and_the_last_one_with_the_end() -> None:
    live = LiveSecrets()
    assert live.grow('{"command": "make test && make ins') == '{"command": "make test && make'
    assert live.grow("tall") == ""
    assert live.end() == " install"
