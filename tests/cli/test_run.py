"""`quarterdeck run`: the answer on standard output and nothing else, whoever gives it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.support.headless import PROGRAM, environment_of, headless, quarterdeck
from tests.support.processes import PATIENCE_S

SIMULATED = ("run", "--backend", "simulator")


def at_a_terminal(home: Path, *arguments: str) -> str:
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments], stdin=slave, stdout=slave, stderr=slave, cwd=home, env=environment_of(home)
    )
    os.close(slave)
    written = b""
    with contextlib.suppress(OSError):  # the terminal's other end is gone
        while data := os.read(master, 65536):
            written += data
    os.close(master)
    assert process.wait(PATIENCE_S) == 0
    return written.decode()


def test_the_answer_is_all_that_is_printed(home: Path) -> None:
    done = quarterdeck(home, *SIMULATED, "hello there")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Echo: hello there\n", "")


def test_json_is_the_answer_with_what_it_took(home: Path) -> None:
    done = quarterdeck(home, *SIMULATED, "--json", "--stream", "hello")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["text"], answer["attempts"]) == (0, "Echo: hello", 1)
    assert answer.keys() >= {"conversation", "session", "duration", "queued", "tokens_in", "tokens_out", "cached"}


def test_a_dash_reads_the_prompt_from_a_pipe(home: Path) -> None:
    done = quarterdeck(home, *SIMULATED, "-", given="from a pipe")
    assert (done.returncode, done.stdout) == (0, "Echo: from a pipe\n")
    empty = quarterdeck(home, *SIMULATED, "-")
    assert (empty.returncode, "The prompt is empty." in empty.stderr) == (2, True)


def test_a_stream_is_printed_as_it_grows(home: Path) -> None:
    arguments = [*PROGRAM, *SIMULATED, "--stream", "[[reply: one two three]] [[pace: 200ms]]"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=home, env=environment_of(home)) as process:
        assert process.stdout is not None
        first = process.stdout.read(4)
        assert (first, process.poll()) == (b"one ", None)
        assert process.stdout.read() == b"two three\n"
    assert process.returncode == 0


def test_a_conversation_goes_on_in_another_run(home: Path) -> None:
    first = json.loads(quarterdeck(home, *SIMULATED, "--json", "one").stdout)
    again = quarterdeck(home, *SIMULATED, "--conversation", first["conversation"], "[[history]]")
    assert again.stdout.startswith("History: 2 user messages")


def test_the_running_engine_answers_where_there_is_one(home: Path) -> None:
    with headless(home) as engine:
        for way in ((), ("--stream",)):
            done = quarterdeck(home, "run", *way, "hello")
            assert (done.returncode, done.stdout, done.stderr) == (0, "Echo: hello\n", "")
        pool = engine.call("GET", "/api/pool")["pool"]
        assert (pool["counts"]["leases"], pool["size"]) == (2, 1)
        own = quarterdeck(home, *SIMULATED, "hello")
        assert own.returncode == 0
        assert engine.call("GET", "/api/pool")["pool"]["counts"]["leases"] == 2


@pytest.mark.parametrize("where", ["own", "running"])
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["[[fault: http401_invalid_key]]"], 1, "claude login"),
        (["--deadline", "0.3", "[[delay: 20s]]"], 1, "deadline"),
        (["--profile", "nope", "x"], 2, "no profile 'nope'"),
        (["--conversation", "nope", "x"], 2, "no id of a conversation"),
        (["--deadline", "-1", "x"], 2, "deadline"),
    ],
)
def test_a_failure_has_the_same_exit_code_wherever_it_happens(
    home: Path, where: str, arguments: list[str], code: int, sentence: str
) -> None:
    if where == "own":
        done = quarterdeck(home, *SIMULATED, *arguments)
    else:
        with headless(home):
            done = quarterdeck(home, "run", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert "  → " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_that_dies_under_the_answer_is_told(home: Path) -> None:
    with (
        headless(home) as engine,
        subprocess.Popen(
            [*PROGRAM, "run", "--stream", "[[words: 400]] [[pace: 20ms]]"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=home,
            env=environment_of(home),
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.read(5)
        engine.process.kill()
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert said.startswith("quarterdeck: No engine answers")


def test_a_made_up_answer_that_nobody_asked_for_is_told(home: Path) -> None:
    done = at_a_terminal(home, "run", "hello")
    assert "Echo: hello" in done
    assert "SIMULATOR: no" in done
    assert "quarterdeck doctor" in done


def test_a_program_never_gets_a_made_up_answer_that_it_did_not_ask_for(home: Path) -> None:
    done = quarterdeck(home, "run", "hello")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no API key and no `claude login`" in done.stderr
    assert "→ `claude login`" in done.stderr
    asked = quarterdeck(home, "run", "--backend", "simulator", "--json", "hello")
    assert json.loads(asked.stdout)["simulated"] is True


def test_a_headless_engine_without_a_login_is_up_not_ready_and_says_why(home: Path) -> None:
    with headless(home, "--backend=claude") as engine:
        (notice,) = engine.logged("notice")
        assert "no API key and no `claude login`" in notice["text"]
        assert "claude login" in notice["remedy"]
        refused = quarterdeck(home, "run", "hello")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "no API key and no `claude login`" in refused.stderr
        assert not engine.logged("session_starting")


@pytest.mark.real_cli
def test_the_real_cli_answers_from_the_offline_model(home: Path, claude: Path) -> None:
    done = quarterdeck(home, "run", "--offline", "hello there")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Echo: hello there\n", "")


@pytest.mark.real_cli
def test_the_real_cli_without_credentials_says_how_to_sign_in(home: Path, claude: Path) -> None:
    done = quarterdeck(home, "run", "--backend", "claude", "hello")
    assert (done.returncode, done.stdout) == (1, "")
    assert "claude login" in done.stderr


def test_a_leading_slash_is_text_unless_commands_are_asked_for(home: Path) -> None:
    plain = quarterdeck(home, *SIMULATED, "/clear")
    assert (plain.returncode, plain.stdout.split()) == (0, ["Echo:", "/clear"])
    cleared = quarterdeck(home, *SIMULATED, "--commands", "--json", "/clear")
    assert (cleared.returncode, json.loads(cleared.stdout)["text"]) == (0, "")


def test_the_answer_says_where_its_conversation_works_and_a_directory_may_be_named(home: Path) -> None:
    answer = json.loads(quarterdeck(home, *SIMULATED, "--json", "hello").stdout)
    assert answer["cwd"].endswith(f"/default/default/{answer['conversation']}")
    refused = quarterdeck(home, *SIMULATED, "--cwd", str(home), "hello")
    assert refused.returncode != 0
    assert "does not allow requests to work in" in refused.stderr
    setting = f"profiles={{default: {{directories: ['{home}']}}}}"
    (home / "repository").mkdir()
    told = quarterdeck(home, *SIMULATED, "--set", setting, "--json", "--cwd", str(home / "repository"), "hello")
    assert json.loads(told.stdout)["cwd"] == str(home / "repository")


def test_a_piped_prompt_that_is_no_text_is_refused_with_a_sentence(home: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "run", "--backend=simulator", "-"],
        input=b"hello \xff\xfe",
        capture_output=True,
        check=False,
        cwd=home,
        env=environment_of(home),
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"not UTF-8 text: byte 7 is 0xff" in done.stderr
    assert b"Traceback" not in done.stderr
