"""The prompts of a conversation in its transcript on disk: counted from the first, without what was cut off."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.sessions import history, prompts
from engine.sessions.history import read_page
from engine.sessions.prompts import prompts_in

STAMP = "2026-11-20T14:00:00.000Z"


def said(uuid: str, text: str, kind: str = "user", **fields: Any) -> bytes:
    entry = {"type": kind, "uuid": uuid, "timestamp": STAMP, "message": {"role": kind, "content": text}}
    return json.dumps({**entry, **fields}).encode() + b"\n"


def cut_at(uuid: str, **fields: Any) -> bytes:
    mark = {"type": "last-prompt", "lastPrompt": "x", "leafUuid": None, "explicit": True, "rewound": True}
    return json.dumps({**mark, "cutUuid": uuid, **fields}).encode() + b"\n"


def asked(count: int, first: int = 1) -> bytes:
    """So many prompts, each with its answer."""
    return b"".join(
        said(f"p{n}", f"prompt {n}") + said(f"a{n}", f"answer {n}", "assistant") for n in range(first, first + count)
    )


def written(folder: Path, *lines: bytes) -> Path:
    path = folder / "c.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def test_prompts_are_counted_from_one(tmp_path: Path) -> None:
    found = prompts_in(written(tmp_path, asked(3)))
    assert [(each.number, each.text, each.ref) for each in found] == [(n, f"prompt {n}", f"p{n}") for n in (1, 2, 3)]
    assert found[0].at > 0


NO_PROMPTS = [
    said("x", "hidden", isMeta=True),
    said("x", "of a subagent", isSidechain=True),
    said("x", "a summary", isCompactSummary=True),
    said("x", "<command-name>/clear</command-name>"),
    said("x", "<task-notification>done</task-notification>"),
    said("x", "said by the model", "assistant"),
    said("", "without a name"),
    json.dumps(
        {
            "type": "user",
            "uuid": "x",
            "message": {"content": [{"type": "text", "text": "[Request interrupted by user]"}]},
        }
    ).encode()
    + b"\n",
    json.dumps(
        {"type": "user", "uuid": "x", "message": {"content": [{"type": "tool_result", "content": "user"}]}}
    ).encode()
    + b"\n",
    b'{"type": "user", "uuid": 5}\n',
    b'{"type": "user"\n',
    b'["user"]\n',
    b"\xff user\n",
    b'{"type":"last-prompt","rewound":true}\n',
    b'{"type":"user","rewound":true,"cutUuid":"p1"}\n',
    cut_at("p1", rewound=False),
]


@pytest.mark.parametrize("line", NO_PROMPTS)
def test_nothing_else_is_a_prompt_or_cuts_any_off(tmp_path: Path, line: bytes) -> None:
    assert [each.ref for each in prompts_in(written(tmp_path, asked(1), line, asked(1, 2)))] == ["p1", "p2"]


CUTS: list[tuple[list[bytes], list[str]]] = [
    ([asked(3), cut_at("p2")], ["p1"]),
    ([asked(3), cut_at("p2"), asked(1, 9)], ["p1", "p9"]),
    ([asked(3), cut_at("p3"), cut_at("p2"), asked(1, 9)], ["p1", "p9"]),
    ([asked(3), cut_at("p1"), asked(2, 5), cut_at("p6")], ["p5"]),
    ([asked(2), cut_at("p1")], []),
    ([asked(2), cut_at("stranger")], ["p1", "p2"]),
]


@pytest.mark.parametrize(("lines", "left"), CUTS)
def test_what_a_rewind_cut_off_is_no_prompt_any_more(tmp_path: Path, lines: list[bytes], left: list[str]) -> None:
    assert [each.ref for each in prompts_in(written(tmp_path, *lines))] == left


@pytest.mark.parametrize(("lines", "left"), CUTS[:-1])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_nor_is_it_among_the_messages(tmp_path: Path, lines: list[bytes], left: list[str], limit: int) -> None:
    path = written(tmp_path, *lines)
    found: list[str] = []
    before: int | None = None
    while before != 0:
        page = read_page(path, before, limit=limit)
        found = [*(entry.ref for entry in page.entries if entry.kind == "user"), *found]
        before = page.before
    assert found == left


def test_a_page_ends_in_no_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_PAGE", 200)
    path = written(tmp_path, asked(1), asked(200, 2), cut_at("p2"), asked(1, 900))
    refs, before = [], None
    while before != 0:
        page = read_page(path, before, limit=1)
        refs = [*(entry.ref for entry in page.entries), *refs]
        before = page.before
    assert refs == ["p1", "a1", "p900", "a900"]


def test_a_huge_transcript_and_huge_lines_keep_their_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MAX_PROMPTS", 5)
    monkeypatch.setattr(prompts, "MAX_LINE", 2000)
    path = written(tmp_path, asked(2), said("huge", "user " * 10_000), asked(20, 3))
    assert [each.ref for each in prompts_in(path)] == ["p1", "p2", "p3", "p4", "p5"]
    monkeypatch.setattr(prompts, "MAX_READ", 300)
    assert len(prompts_in(path)) <= 2


def test_no_pipe_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe"):
        prompts_in(tmp_path / "pipe")
