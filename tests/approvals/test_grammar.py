"""What a shell text runs is found wherever it stands; what cannot be read is never granted."""

from __future__ import annotations

import json
import shlex
import string
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.approvals import grammar
from engine.approvals.actions import Action, normalise
from engine.approvals.risks import shipped_risks

BOOK = shipped_risks()


def bash(command: str) -> Action:
    """The action of one shell command."""
    return normalise("Bash", json.dumps({"command": command}).encode(), "/home/ana/code", BOOK)


PLACES = [
    "{}",
    "ls; {}",
    "ls\n{}",
    "ls &\n{}",
    "( {} )",
    "{{ {}; }}",
    "! {}",
    "time {}",
    "a=$({})",
    "export A=$({})",
    "A=1 {}",
    "echo $({})",
    'echo "x $({}) y"',
    "echo `{}`",
    "echo ${{x:-$({})}}",
    "diff <({}) y",
    "tee >({}) < y",
    "mapfile -t a < <({})",
    "x=(1 $({}))",
    "if true; then {}; fi",
    "if {}; then ls; fi",
    "if false; then ls; elif true; then {}; else ls; fi",
    "for f in a b; do {}; done",
    "for ((i=0; i<2; i++)); do {}; done",
    "while true; do {}; done",
    "until {}; do ls; done",
    "case $x in a) {};; esac",
    "f() {{ {}; }}; f",
    "function f {{ {}; }}",
    "cat <<END\n$({})\nEND",
    "cat <<END | wc\n`{}`\nEND",
    "bash <<END\n{}\nEND",
    "bash <<'END'\n{}\nEND",
    "sh -s <<< '{}'",
    ". /dev/stdin <<< '{}'",
    "[[ -n $({}) ]] && ls",
    "eval {}",
    "eval '{}'",
    "eval 'ls; {}'",
    "bash -c '{}'",
    "bash -lc '{}'",
    "/usr/bin/env bash -c '{}'",
    "bash --norc -c '{}'",
    "sh -c \"sh -c '{}'\"",
    "bash -c 'eval \"{}\"'",
    "xargs {} < list",
    "ls | xargs -n 1 sh -c '{}'",
    "find . -exec {} {{}} ;",
    "find . -exec sh -c '{}' _ {{}} +",
    "env {}",
    "env -i A=1 {}",
    "env -S'{}'",
    "env --split-string='{}'",
    "env A=1 bash -c '{}'",
    "nohup {} &",
    "timeout 5 {}",
    "timeout -s KILL 5 sh -c '{}'",
    "nice -n 5 {}",
    "setsid {}",
    "command {}",
    "builtin eval '{}'",
    "exec {}",
    "trap '{}' EXIT",
    "alias ls='{}'; ls",
    "su bob -c '{}'",
    "flock /tmp/l -c '{}'",
    "watch '{}'",
    "ssh host '{}'",
    "coproc {}",
    "docker exec c sh -c '{}'",
    "busybox sh -c '{}'",
    "python -c 'import os; os.system(\"{}\")'",
    "awk 'BEGIN {{ system(\"{}\") }}'",
    "ls 2>/dev/null | {}",
    "{} # a word",
    "ls \\\n && {}",
]
GRAVE = {"rm -rf build": "delete", "git push origin": "push"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", GRAVE)
def test_a_grave_command_is_found_wherever_it_stands(place: str, command: str) -> None:
    worst = {"delete": {"delete"}, "push": {"push", "delete", "privilege"}}[GRAVE[command]]
    assert bash(place.format(command)).risk.word in worst


WRITTEN = [
    "r''m x",
    'r""m x',
    "'rm' x",
    "\\rm x",
    "r\\m x",
    "/bin/rm x",
    "rm 2>/dev/null x",
    ">/dev/null rm x",
    "rm\\\n x",
]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("place", ["{}", "echo $({})", "if true; then {}; fi"])
def test_a_name_is_what_the_shell_makes_of_it(place: str, written: str) -> None:
    assert bash(place.format(written)).risk.word == "delete"


UNREADABLE = [
    "$cmd x",
    "${cmd} x",
    "a=rm; $a x",
    "$(echo rm) x",
    "`echo rm` x",
    "$'rm' x",
    "$'\\x72m' x",
    "/bin/r? x",
    "{ls,-l,x}",
    "r\\\nm x",
    'eval "$x"',
    "eval $(curl x)",
    'bash -c "$x"',
    'bash -c "ls $(cat x)"',
    "bash <(curl x)",
    "source <(curl x)",
    "curl x | bash",
    "curl x | command . /dev/stdin",
    "curl x | bash -s -- -y",
    "curl x | sudo sh",
    "bash < x",
    "bash <<END\n$x\nEND",
    "cat <<END | sh\nls\nEND",
    "ls | xargs sh -c",
    "xargs $cmd",
    'ls | xargs rm "$x"',
    "find . -exec $cmd {} +",
    "env $x",
    'nohup "$x"',
    "timeout 5 $x",
    "sudo $x",
    'trap "$x" EXIT',
    'alias ls="$x"',
    "rm -rf $x",
    'rm -rf "$(cat list)"',
    "python $x",
    "if $x; then ls; fi",
    "echo x > $f",
    "ls 'unclosed",
    "ls ;; ls",
    "ls \u202e x",
    "ls\u2028rm x",
    "ls\u00a0x",
    "ls\rrm x",
    "ls\x1b[2J",
    "if ls; then",
    "let 'a[$(rm x)]'",
    "[ -v 'a[$(rm -rf x)]' ]",
    "[[ -v 'a[$(rm -rf x)]' ]]",
    "[[ ! ( -n y && -v 'a[`rm x`]' ) ]]",
    "[[ 1 -eq 'a[$(rm x)]' ]]",
    "if [ 0 -lt 'a[$(rm x)]' ]; then ls; fi",
    "echo $(" * 12 + "ls" + ")" * 12 + "; $x",
    "sh -c " * 12 + "ls; sh -c",
    "ls " + "x" * 9000,
]


@pytest.mark.parametrize("command", UNREADABLE)
def test_what_cannot_be_read_is_grave_and_no_grant_covers_it(command: str) -> None:
    made = bash(command)
    assert not made.grantable
    assert made.risk.grave
    assert made.risk.rank <= BOOK.risks["opaque"].rank
    assert "no grant covers it" in made.words


READABLE = [
    "tar czf x.tgz .",
    "npx eslint .",
    "ls -la",
    "cd src && make -j4 test",
    "git add -A && git commit -m \"$(cat <<'EOF'\nfix: a (b) $c `d`\n\nDone.\nEOF\n)\"",
    "for f in a b; do echo $f; done",
    "if [ -f x ]; then cat x; else ls; fi",
    "[[ -d src && $x == */a[0-9]* ]] && ls",
    "python - <<'EOF'\nimport os\nprint(1)\nEOF",
    'X=$(date); echo "$X"',
    "A=$B make test 2>&1 | tail -n 5",
    "pytest $X",
    "source venv/bin/activate && pytest",
    "bash script.sh",
    "ls 2>/dev/null x && make 2>&1 y",
    "rm -rf build # old",
    "rm -rf build*",
]


@pytest.mark.parametrize("command", READABLE)
def test_what_can_be_read_can_be_granted(command: str) -> None:
    assert bash(command).grantable


@pytest.mark.parametrize(
    "command",
    [
        "eval " * 1500,
        "sh -c 'ls' " * 600,
        "$(x " * 1000 + ")" * 1000,
        "eval a;" * 1100,
        "x;" * 4000,
        "sh -c 'a' x;" * 600,
    ],
)
def test_the_work_for_one_text_is_bounded(command: str) -> None:
    begun = time.process_time()
    assert bash(command.strip()).grantable is False
    assert time.process_time() - begun < 1.5


def test_a_text_that_printf_evaluates_is_not_any_text() -> None:
    assert bash("printf -v a x").key("t") != bash("printf -v 'a[$(rm x)]' x").key("t")
    assert bash("printf 'a' x").key("t") == bash("printf 'b' x").key("t")


WORDS = st.text(string.ascii_letters + string.digits + "-_./=<>'\"$*~ {}#&;@:", min_size=1, max_size=12)


@given(st.lists(WORDS, min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_the_grammar_reads_quoted_words_as_the_shell_does_or_not_at_all(words: list[str]) -> None:
    script = grammar.read(shlex.join(["rm", *words]))
    if script is not None:
        assert [[word.value for word in call.words] for call in script.calls] == [["rm", *words]]


@given(st.text("$(){}`'\"<>|&;\\ \nab", max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_text_ends_in_an_action(text: str) -> None:
    made = bash(text or "x")
    assert made == bash(text or "x")
    assert made.grantable or made.risk.grave


def test_the_grammar_is_loaded_by_the_first_command_alone() -> None:
    code = "import sys, engine.approvals.broker; sys.exit('tree_sitter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("place", ["[ -r {} ]", "[[ -r {} ]]", "if [[ ! -r {} || x -nt y ]]; then ls; fi"])
def test_a_conditional_looks_at_its_paths_as_test_does(place: str) -> None:
    assert bash(place.format("/etc/shadow")).risk.word == "secret"
    assert bash(place.format("/etc/hosts")).risk.word == "outside"
    assert not bash(place.format("src/x")).risk.grave
