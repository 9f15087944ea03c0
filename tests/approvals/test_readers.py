"""Which readers are plain reads, and which places their quoted paths and program texts name."""

from __future__ import annotations

import pytest

from tests.approvals.test_actions import bash

UNBOUNDED = [
    "diff -r a b",
    "diff -ur a b",
    "diff --recursive a b",
    "ls -LR",
    "ls -L -R src",
    "ls --dereference --recursive",
    "du -L",
    "du -hL src",
    "du --dereference",
    "du --files0-from=list",
    "wc --files0-from=list",
    "wc -l --files0-from list",
    "sort --files0-from=list",
    "grep -R x",
    "grep -lR x src",
    "cp -rL a b",
    "cp -aL a b",
    "cp -R --dereference a b",
    "tree -l",
    "tree --fromfile list",
    "find -L .",
    "find . -files0-from list",
    "md5sum -c list",
    "sha256sum --check list",
    "file -f list",
    "rg -L x",
]  # fmt: skip


@pytest.mark.parametrize("command", UNBOUNDED)
def test_readers_of_everything_below_or_in_a_list_are_no_plain_reads(command: str) -> None:
    assert bash(command).risk.word == "?"


BOUNDED = [
    "diff a b",
    "diff -u a b",
    "diff -r --no-dereference a b",
    "ls -R",
    "ls -la",
    "ls -L",
    "du -sh .",
    "wc -lL x",
    "sort -u x",
    "grep -rn x",
    "tree src",
    "find . -type f",
    "md5sum x",
    "file x",
    "rg x",
]  # fmt: skip


@pytest.mark.parametrize("command", BOUNDED)
def test_other_readers_are_plain_reads(command: str) -> None:
    assert bash(command).risk.word == "read"


QUOTED = [
    ("strings", "/proc/1/environ", "secret"),
    ("xxd", "/root/.ssh/id_rsa", "secret"),
    ("frob", ".env", "secret"),
    ("frob", "config/.env", "secret"),
    ("frob", "/etc/shadow", "secret"),
    ("frob", "server.pem", "secret"),
    ("frob", "/etc/hosts", "outside"),
    ("frob", "../x", "outside"),
    ("frob", ".git/hooks/pre-commit", "ci file"),
    ("frob", ".github/workflows/ci.yml", "ci file"),
    ("frob", "src/x.py", "?"),
    ("frob", "x", "?"),
]  # fmt: skip
FORMS = ["{}", "'{}'", '"{}"', "''{}", '""{}', "-- '{}'", "--file='{}'", "'--file={}'", "if='{}'", "$'{}'", '$"{}"']


@pytest.mark.parametrize(("program", "path", "risk"), QUOTED)
@pytest.mark.parametrize("form", FORMS)
def test_a_quoted_path_is_judged_as_one_without_quotes(program: str, path: str, risk: str, form: str) -> None:
    made = bash(f"{program} {form.format(path)}")
    if form.startswith("$") and risk in {"?", "outside"}:
        assert made.risk.rank <= bash(f"{program} {path}").risk.rank
    else:
        assert made.risk.word == risk


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("strings /pro'c/1/env'iron", "secret"),
        ("strings \\/proc/1/environ", "secret"),
        ("xxd '/root/.ssh/my key'", "secret"),
        ("xxd /root/.ssh/my\\ key", "secret"),
        ("xxd '~/.aws/credentials'", "secret"),
        ('cat "${HOME}/.aws"', "secret"),
        ('xxd "$HOME"/.ssh/id_rsa', "secret"),
        ("python -c \"print(open('/proc/1/environ').read())\"", "secret"),
        ("node -e 'fs.readFileSync(\"config/.env\")'", "secret"),
        ("awk '{ print }' '/etc/shadow'", "secret"),
        ("python -c 'open(\".git/hooks/pre-commit\", \"w\")'", "ci file"),
        ("python -c 'open(\"src/x.py\").read()'", "?"),
        ("node -e 'const a = x[\"secret\"]'", "?"),
        ("frob 'look at /etc/x and http://x/y'", "?"),
        ("frob 'a secret in prose'", "?"),
        ("awk '/secret/ { print }' log", "?"),
        ("awk '/x/' log", "?"),
        ("awk -F'/' '{ print $1 }' log", "?"),
        ("sed -n '/start/,/end/p' log", "?"),
        ("sed -n '/secret/p' log", "?"),
        ("sed 's#/usr/a#/usr/b#' log", "?"),
        ("perl -ne 'print if /x/' log", "?"),
        ("python -c 'import secrets; print(secrets.token_hex())'", "?"),
        ("python -c 'print(1 / 2)'", "?"),
    ],
)  # fmt: skip
def test_a_program_text_names_secret_places_and_prose_names_none(command: str, risk: str) -> None:
    assert bash(command).risk.word == risk
