"""Which requests are one, and which never are."""

from __future__ import annotations

import json
import shlex
import string
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.approvals import shell
from engine.approvals.actions import Action, normalise
from engine.approvals.risks import RiskBook, shipped_risks
from engine.approvals.shell import Word

WORKSPACE = "/home/ana/code"
BOOK = shipped_risks()


def action(tool: str, workspace: str = WORKSPACE, **fields: Any) -> Action:
    """The action of one tool use."""
    return normalise(tool, json.dumps(fields).encode(), workspace, BOOK)


def bash(command: str, workspace: str = WORKSPACE) -> Action:
    """The action of one shell command."""
    return action("Bash", workspace, command=command)


def key(made: Action) -> str:
    """The group that it falls into."""
    return made.key("default")


RISKS = {
    "rm -rf build": "delete",
    "/bin/rm -rf build": "delete",
    "sudo rm x": "delete",
    "ls | xargs rm": "delete",
    "find . -name '*.o' -delete": "delete",
    "FOO=1 rm x": "delete",
    "for f in a b; do rm $f; done": "delete",
    "echo $(rm -rf x)": "delete",
    "ls\nrm x": "delete",
    "make clean && rm -rf build": "delete",
    "git reset --hard": "delete",
    "git checkout -- src": "delete",
    "docker compose down": "delete",
    "sudo ls": "privilege",
    "chmod 777 x": "privilege",
    "docker run --privileged x": "privilege",
    "cat .env": "secret",
    "cp ~/.ssh/id_rsa x": "secret",
    "git push origin main": "push",
    "npm publish": "push",
    "gh pr create": "push",
    "cp x .github/workflows/ci.yml": "ci file",
    "echo x > .git/hooks/pre-commit": "ci file",
    "echo x > /home/ana/code/.claude/settings.json": "ci file",
    "cat .github/workflows/ci.yml": "read",
    "cat /etc/hosts": "outside",
    "touch ../x": "outside",
    "cd / && ls": "outside",
    "ls ~": "outside",
    "touch --reference=/etc/x y": "outside",
    "cp x -t/etc": "outside",
    "echo x >> /etc/hosts": "outside",
    "touch /home/ana/code/../x": "outside",
    "touch /home/ana/codeshop": "outside",
    "python /etc/x.py": "outside",
    "sed -i s/a/b/ .github/workflows/ci.yml": "ci file",
    "docker exec x git push": "push",
    "awk '/x/' y": "?",
    "python build.py": "?",
    "curl x | sh": "opaque",
    "ls $HOME": "?",
    "cat .e*": "secret",
    "./rm-all.sh": "?",
    "$CMD x": "opaque",
    "git -c core.pager=evil log": "?",
    "git log --outp=x": "?",
    "sort -ro x y": "?",
    "cd": "?",
    "> x": "?",
    "cat <<END\nx\nEND": "?",
    "ls 'unclosed": "opaque",
    "ls ;; ls": "opaque",
    "curl https://docs.rs/tokio": "network",
    "npm ci": "network",
    "docker compose up -d db": "process",
    "kill 4711": "process",
    "pytest -q tests/queue": "run",
    "cd src && make -j4 test": "run",
    "touch proof": "write",
    "git commit -m 'done'": "write",
    "echo done > out.txt": "write",
    "ls -la": "read",
    "cat /tmp/x": "read",
    "ls src 2>/dev/null | head -n 5": "read",
    "pytest -q 2>&1 | tail": "run",
}  # fmt: skip


@pytest.mark.parametrize("command", RISKS)
def test_the_risk_of_a_command_is_that_of_its_worst_part(command: str) -> None:
    assert bash(command).risk.word == RISKS[command]


SAME = [
    ("rm  -rf \t build", "rm -rf build"),
    ("rm -rf 'build'", 'rm -rf "build"'),
    ("pytest tests/test_1.py", "pytest tests/test_23.py"),
    ("head -n 5 x", "head -n 500 x"),
    ("ls --width=80", "ls --width=120"),
    ("touch part1 && touch part2", "touch part7 && touch part9"),
    ("git commit -m 'one'", 'git commit -m "another"'),
    ("git commit --message='one'", "git commit --message='one'"),
    ("git show 3f2a9c1", "git show 4e1bb07"),
    ("cat /tmp/tmp.aB3dE9/x", "cat /tmp/tmp.Zz91Kq/x"),
    ("mkdir 0b8c7a3e-1111-2222-3333-444455556666", "mkdir 1a8c7a3e-5555-2222-3333-aaaa55556666"),
    ("echo started job 4", "echo finished task 5"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_does_not_matter_makes_no_other_group(one: str, other: str) -> None:
    assert key(bash(one)) == key(bash(other))


DIFFERENT = [
    ("rm -rf build", "rm -rf /"),
    ("rm -rf build", "rm -rf build1"),
    ("rm -rf build1", "rm -rf build2"),
    ("rm -rf build", "rm -r build"),
    ("rm -rf build", "rm -rf build src"),
    ("rm -rf build", "rm -rf build && make"),
    ("rm -rf build && make", "rm -rf build || make"),
    ("rm -rf build", "rm -rf build &"),
    ("rm -rf 'build*'", "rm -rf build*"),
    ("rm -rf '$x'", "rm -rf $x"),
    ("touch '~'", "touch ~"),
    ("touch a b", "touch 'a b'"),
    ("touch proof", "touch more"),
    ("touch 'x<n>'", "touch x5"),
    ("touch '<n>'", "touch 5"),
    ("echo '<text>'", "echo -n"),
    ("ls -1", "ls -2"),
    ("make -j4", "make -j8"),
    ("kill 1", "kill 4711"),
    ("chmod 644 x", "chmod 777 x"),
    ("cat /etc/x1", "cat /etc/x2"),
    ("cat /tmp/a1", "cat /tmp/a2"),
    ("git push origin release-1", "git push origin release-2"),
    ("python3.11 -V", "python3.12 -V"),
    ("pytest1 x", "pytest2 x"),
    ("curl http://h:8080/1", "curl http://h:8081/1"),
    ("cat x > y", "cat x >> y"),
    ("cat x > y", "cat x < y"),
    ("ls 2>&1", "ls 2>&3"),
    ("touch /home/ana/code/x", "touch x"),
    ("pytest -q 'a\tb'", "pytest -q 'a b'"),
    ("git commit -m '/etc/passwd'", "git commit -m x"),
    ("git commit -m --amend", "git commit -m x"),
    ("ls\nls", "ls; ls"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_matters_is_never_one_group(one: str, other: str) -> None:
    assert key(bash(one)) != key(bash(other))


def test_a_workspace_is_told_from_inside_and_only_its_own() -> None:
    mine, yours = bash("rm -rf /home/ana/code/build"), bash("rm -rf /srv/ben/build", "/srv/ben")
    assert key(mine) == key(yours)
    assert "<workspace>/build" in mine.form
    assert key(bash("rm -rf /srv/ben/build")) != key(mine)
    assert key(bash("rm -rf /home/ana/code")) != key(mine)
    assert bash("ls /x", "/").risk.word == "outside"


def test_tenants_have_groups_of_their_own() -> None:
    made = bash("rm -rf build")
    assert made.key("default") != made.key("acme")


def test_a_file_in_the_workspace_is_granted_with_any_content_and_a_grave_one_with_exactly_its_own() -> None:
    path = f"{WORKSPACE}/src/part1.py"
    one, other = (action("Write", file_path=path, content=text) for text in "ab")
    assert key(one) == key(other) == key(action("Write", file_path=f"{WORKSPACE}/src/part22.py", content="c"))
    assert (one.risk.word, one.words) == (
        "write",
        "Write: <workspace>/src/part<n>.py with any content  (<n> any number)",
    )
    for place in ("/etc/passwd", f"{WORKSPACE}/.github/workflows/ci.yml", f"{WORKSPACE}/../x"):
        one, other = (action("Write", file_path=place, content=text) for text in "ab")
        assert one.risk.grave
        assert key(one) != key(other)
    assert key(action("Write", file_path=path, content="")) != key(action("Edit", file_path=path))
    assert action("Read", file_path=f"{WORKSPACE}/.env").risk.word == "secret"
    assert key(action("Write", file_path=f"{WORKSPACE}/a b1", content="")) != key(
        action("Write", file_path=f"{WORKSPACE}/a b<n>", content="")
    )


def test_a_tool_that_nobody_knows_is_taken_by_its_letters() -> None:
    one, other = action("mcp__db__query", sql="select 1"), action("mcp__db__query", sql="select 2")
    assert (one.risk.word, one.risk.grave) == ("?", False)
    assert key(one) != key(other)
    assert key(one) == key(normalise("mcp__db__query", b'{ "sql" : "select 1" }', WORKSPACE, BOOK))
    assert key(action("WebFetch", url="http://a/1", prompt="x")) == key(action("WebFetch", url="http://a/1"))
    assert key(action("WebFetch", url="http://a/1")) != key(action("WebFetch", url="http://a/2"))


def test_other_fields_of_a_command_count_unless_they_only_describe_it() -> None:
    plain = action("Bash", command="ls", description="look", timeout=5)
    assert key(plain) == key(action("Bash", command="ls", run_in_background=False))
    assert key(plain) != key(action("Bash", command="ls", run_in_background=True))
    assert key(plain) != key(action("Bash", command="ls", dangerouslyDisableSandbox=True))


@pytest.mark.parametrize("given_input", [b"", b"null", b"[1]", b"{", b'{"command": 5}', b'{"command": ""}', b"\xff"])
def test_an_input_that_cannot_be_read_is_unknown_and_harms_nothing(given_input: bytes) -> None:
    made = normalise("Bash", given_input, WORKSPACE, BOOK)
    assert (made.risk.word, len(made.digest)) == ("?", 32)


def test_a_grant_says_in_words_exactly_what_it_allows() -> None:
    assert bash("rm  -rf build && make").words == "Bash: rm -rf build && make  (exactly this)"
    assert bash("pytest t1.py").words == "Bash: pytest t<n>.py  (<n> any number)"
    assert bash("ls\nrm x").words == "Bash: ls ⏎ rm x  (exactly this)"
    long = bash("rm " + "x" * 5000)
    assert len(long.words) < 500
    assert long.digest in long.words
    assert key(long) != key(bash("rm " + "x" * 4999 + "y"))


WORDS = st.text(string.ascii_letters + string.digits + "-_./=<>'\"$*~ {}#&;@:", min_size=1, max_size=12)
SAFE = st.sampled_from(
    ["x", "src/a1", "-v", "--all", "--n=5", "5", "/etc/x1", "/home/ana/code/y2", "../z", "a b", "-m"]
)
PROGRAMS = st.sampled_from(["ls", "rm", "git", "pytest", "make", "python", "touch", "cat", "echo", "frob", "frob2"])


def split(command: list[str]) -> tuple[str, list[str], list[str]]:
    """Program, flags and absolute paths outside the workspace, in order."""
    program, *rest = command
    flags = [word.partition("=")[0] if word.startswith("--") else word for word in rest if word.startswith("-")]
    outside = [word for word in rest if word.startswith("/") and not word.startswith(WORKSPACE + "/")]
    return program, flags, outside


@given(PROGRAMS, st.lists(SAFE, max_size=5), PROGRAMS, st.lists(SAFE, max_size=5))
@settings(max_examples=600, deadline=None)
def test_no_two_programs_flags_or_places_outside_are_ever_merged(
    one: str, some: list[str], other: str, more: list[str]
) -> None:
    first, second = bash(shlex.join([one, *some])), bash(shlex.join([other, *more]))
    if key(first) == key(second):
        assert split([one, *some]) == split([other, *more])
        assert first.risk == second.risk
        assert first.form == second.form
        if not first.risk.loose:
            assert [one, *some] == [other, *more]


@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_words_of_any_letters_are_merged_only_when_they_differ_in_what_is_left_open(
    one: list[str], other: list[str]
) -> None:
    """`rm` is strict, so nothing is left open: equal groups are equal arguments."""
    assume(one != other)
    assert key(bash(shlex.join(["rm", *one]))) != key(bash(shlex.join(["rm", *other])))


@given(st.text(max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_text_has_an_action_that_is_stable_and_never_safer_than_unknown(text: str) -> None:
    assume(text)
    first = bash(text)
    assert first == bash(text)
    assert first.words.replace("<", "").isprintable()
    if shell.parse(text) is None:
        assert first.risk.rank <= BOOK.unknown.rank


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_what_is_read_of_a_quoted_line_is_what_the_shell_reads(words: list[str]) -> None:
    line = ["echo", *words]  # a first word such as `fi` would be the shell's own
    tokens = shell.parse(shlex.join(line))
    assert tokens is not None
    assert [token.value for token in tokens if isinstance(token, Word)] == line


def test_a_rule_that_names_no_risk_is_refused() -> None:
    text = '[[risk]]\nword = "?"\nabout = "x"\n[places]\nscratch = []\ndevices = []\n'
    text += '[[program]]\nnames = ["rm"]\nrisk = "delte"\n'
    with pytest.raises(ValueError, match="delte"):
        RiskBook("path = []\ntool = []\n" + text)


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("jq -n env", "secret"),
        ("jq -n '$ ENV'", "secret"),
        ("tree -o .git/hooks/pre-commit", "ci file"),
        ("tree src", "read"),
        ("jq -n '$ENV.HOME'", "secret"),
        ("jq '.a.env' package.json", "read"),
        ("jq .name package.json", "read"),
        ("jq -f program.jq x.json", "?"),
        ("ps auxe", "secret"),
        ("ps eww 1", "secret"),
        ("ps aux", "read"),
        ("ps -ef", "read"),
        ("cat /proc/self/environ", "secret"),
        ("cat /proc/*/environ", "secret"),
        ("cat /proc/1/envi*", "secret"),
        ("strings /proc/$PPID/environ", "secret"),
        ("tr '\\0' '\\n' < /proc/1/environ", "secret"),
        ("install -m 600 a b", "write"),
        ("install -m 4755 a b", "privilege"),
        ("install -o root a b", "privilege"),
        ("mkdir -m u+s d", "privilege"),
        ("mkdir build", "write"),
        ("uniq a b", "write"),
        ("uniq -c a .git/hooks/pre-commit", "ci file"),
        ("uniq a*", "ci file"),
        ("uniq -c a", "read"),
    ],
)
def test_what_shows_secrets_and_changes_modes(command: str, risk: str) -> None:
    assert bash(command).risk.word == risk


@pytest.mark.parametrize(
    "command",
    ["grep -R x src", "grep -rnR x src", "egrep --deref x src", "find -L . -name x", "find src -follow", "find -H a",
     "tree -l", "tree -al src", "rg -L x", "rg --follow x"],
)  # fmt: skip
def test_a_reader_that_follows_the_links_below_a_folder_is_no_plain_read(command: str) -> None:
    assert bash(command).risk.word == "?"
    assert bash("grep -rn x src; find src -name x; tree src; rg x").risk.word == "read"


@pytest.mark.parametrize("form", ["install -m {} a b", "install --mode={} a b", "mkdir -m {} d", "mkdir -p -m {} d"])
def test_a_mode_is_never_left_open(form: str) -> None:
    assert key(bash(form.format("600"))) != key(bash(form.format("777")))
    assert key(bash("install -m 600 a1 b")) == key(bash("install -m 600 a2 b"))
