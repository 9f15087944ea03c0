"""`quarterdeck classify`: a line in, a JSON object out, with no engine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.headless import PROGRAM, environment_of, quarterdeck


def classified(home: Path, *lines: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What is printed for the lines, one object each."""
    done = quarterdeck(home, "classify", *options, given="".join(f"{line}\n" for line in lines))
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(lines)
    return found


def test_texts_records_and_torn_json_each_get_one_answer(home: Path) -> None:
    lines = [
        "Error: connect ECONNREFUSED 127.0.0.1:443",
        json.dumps({"is_error": True, "api_error_status": 429, "result_text": "429, try again in 20s"}),
        json.dumps({"exit_code": 137, "stderr": ""}),
        '{"text": "connection timed out", ',
        '{"text": 5, "exit_code": "x", "api_retry": "y", "error": []}',
        "I fixed the timeout error in auth.py",
        "",
        "\ud7ff\x00 no space left on device",
    ]
    found = classified(home, *lines)
    types = ["network", "resource", "process", "timeout", "none", "none", "none", "resource"]
    assert [each["type"] for each in found] == types
    assert found[1]["retry_after_s"] == 20
    keys = {"type", "retryable", "severity", "strategy", "retry_after_s", "rule", "category", "description", "priority"}
    assert all(each.keys() >= keys for each in found)
    assert list(home.iterdir()) == []


def test_a_reader_who_leaves_early_is_no_failure(home: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "classify"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=environment_of(home),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(b"connection reset by peer\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["type"] == "network"
    process.stdout.close()
    try:
        process.stdin.write(b"connection reset by peer\n" * 1000)
        process.stdin.close()
    except BrokenPipeError:
        process.stdin = None
    assert process.wait(30) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_taught_rule_is_used_listed_and_forgotten(home: Path) -> None:
    line = "the widget 7 jammed again"
    assert classified(home, line)[0]["type"] == "none"
    taught = quarterdeck(home, "classify", "learn", "timeout", line, "--not-retryable", "--json")
    rule = json.loads(taught.stdout)["id"]
    (found,) = classified(home, "the widget 8 jammed again")
    assert (found["type"], found["retryable"], found["rule"]) == ("timeout", False, rule)
    listed = json.loads(quarterdeck(home, "classify", "--rules", "--json").stdout)
    assert (listed[0]["id"], listed[0]["learned"]) == (rule, True)
    assert quarterdeck(home, "classify", "forget", rule).returncode == 0
    assert classified(home, line)[0]["type"] == "none"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["classify", "--set", "recovery.rules=none.toml"], "none.toml cannot be read"),
        (["classify", "--set", "recovery.rules=bad.toml"], "bad.toml: rule x: "),
        (["classify", "learn", "network", "17"], "says too little"),
        (["classify", "forget", "learned-3"], "no learned rule 'learned-3'"),
    ],
)
def test_bad_input_is_named_with_a_remedy(home: Path, arguments: list[str], sentence: str) -> None:
    (home / "bad.toml").write_text('[[rule]]\nid = "x"\ntype = "weather"\n')
    done = quarterdeck(home, *arguments, given="x\n")
    assert done.returncode == 2
    assert done.stdout == ""
    assert sentence in done.stderr
    assert "  → " in done.stderr
