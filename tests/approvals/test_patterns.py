"""Patterns are the names that they stand for, paths start from a command's own folder, redirections are paths."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.approvals.actions import Action, normalise
from engine.approvals.links import LinkReader, names_in
from engine.approvals.patterns import MAX_NAMES, Entry, Listing, Match, alternatives, expand
from tests.approvals.test_actions import BOOK, bash


def followed(work: Path, command: str) -> Action:
    """The action of one command in a workspace whose links are followed."""
    return normalise("Bash", json.dumps({"command": command}).encode(), str(work), BOOK, os.path.realpath)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with links to /etc, secrets, and enough that is neither."""
    made = tmp_path / "work"
    for folder in ("sub/deep", "src", "docs", "lib"):
        (made / folder).mkdir(parents=True)
    for name in ("a.txt", "b.txt", "src/x.py", "src/server.pem", ".env", "docs/own.md", "sub/deep/file", "lib/c.py"):
        (made / name).touch()
    (made / "l1").symlink_to("/etc")
    (made / "p1").symlink_to("/etc/passwd")
    (made / "sub" / "link").symlink_to("/etc")
    (made / "docs" / "inner").symlink_to(made / "src" / "x.py")
    (made / "docs" / "token").symlink_to(made / ".env")
    return made


PATTERNS = {
    "cat l*": "outside",
    "cat l?": "outside",
    "cat [kl]1": "outside",
    "cat [!a]1": "outside",
    "cat [^a]1": "outside",
    "cat 'l'*": "outside",
    "cat ./l*": "outside",
    "cat p*": "outside",
    "cat *": "outside",
    "cat *1": "outside",
    "cat l*/passwd": "outside",
    "cat */link": "outside",
    "cat */link/passwd": "outside",
    "cat s*/l*": "outside",
    "cat s*/l*/passwd": "outside",
    "cat sub/l*": "outside",
    "cat s*/../l1": "outside",
    "cat {l1,a.txt}": "outside",
    "cat {a,b}.txt {l,k}1": "outside",
    "cd sub && cat l*": "outside",
    "cat < l*": "outside",
    "grep x p*": "outside",
    "cp a.txt l*/x": "outside",
    "frob l*": "outside",
    "ls | xargs cat l*": "outside",
    "cat .e*": "secret",
    "cat .e??": "secret",
    "cat .[a-z]*": "secret",
    "cat {.env,a.txt}": "secret",
    "cat .en{v,x}": "secret",
    "cat src/s*": "secret",
    "cat src/*": "secret",
    "cat */server*": "secret",
    "cat docs/*": "secret",
    "cat docs/t*": "secret",
    "cat /proc/[0-9]*/environ": "secret",
    "cat cred*": "secret",
    "cat *.txt": "read",
    "ls a* b*": "read",
    "ls s*/deep": "read",
    "ls s*/d*/f*": "read",
    "ls src/*.py": "read",
    "cat docs/o* docs/in*": "read",
    "ls d*": "read",
    "cat */c.py": "read",
    "ls *.rs": "read",
    "ls lib/c*": "read",
    "ls lib/s*.py": "read",
    "cat */nosuch": "read",
    "tee */nosuch": "outside",
    "cat */deep/file": "read",
    "pytest src/*.py": "?",
    "touch *.txt": "?",
    "echo '*'": "read",
}  # fmt: skip


@pytest.mark.parametrize("command", PATTERNS)
def test_a_pattern_is_the_names_that_it_stands_for(work: Path, command: str) -> None:
    if command == "ls lib/s*.py":
        (work / "lib" / "sets.py").touch()
    assert followed(work, command).risk.word == PATTERNS[command]


def test_a_grant_is_not_for_the_same_pattern_after_a_link_appeared(work: Path) -> None:
    before = followed(work, "cat a*")
    (work / "a2").symlink_to("/etc/hosts")
    after = followed(work, "cat a*")
    assert (before.risk.word, after.risk.word) == ("read", "outside")
    assert before.key("t") != after.key("t")
    assert "a2 leads to /etc/hosts" in after.form


@pytest.mark.parametrize(("count", "risk"), [(MAX_NAMES - 10, "read"), (MAX_NAMES + 10, "?")])
def test_a_folder_with_more_names_than_are_compared_is_not_known(work: Path, count: int, risk: str) -> None:
    for number in range(count):
        (work / "lib" / f"x{number}").touch()
    begun = time.process_time()
    assert followed(work, "ls lib/*").risk.word == risk
    assert followed(work, "ls " + "lib/* " * 200).risk.rank <= BOOK.unknown.rank
    assert time.process_time() - begun < 2


def test_folders_that_are_not_listed_in_time_are_not_known(tmp_path: Path) -> None:
    hang = threading.Event()

    def names(folder: str) -> Listing | None:
        assert hang.wait(60)
        return names_in(folder)

    reader = LinkReader(bound_s=0.05, names=names)
    paths = reader.for_action()
    try:
        made = normalise("Bash", b'{"command": "ls a*"}', str(tmp_path), BOOK, paths, paths.names)
        assert (made.risk.word, made.grantable) == ("outside", False)
    finally:
        hang.set()


def test_a_folder_that_may_not_be_listed_is_not_known(work: Path) -> None:
    def names(folder: str) -> Listing | None:
        return None if folder.rstrip("/").endswith("lib") else names_in(folder)

    given_input = json.dumps({"command": "ls lib/*"}).encode()
    made = normalise("Bash", given_input, str(work), BOOK, os.path.realpath, names)
    assert (made.risk.word, made.grantable) == ("outside", False)


def test_hidden_names_are_for_patterns_with_a_dot() -> None:
    listing = Listing((Entry(".a"), Entry("a"), Entry("d", folder=True), Entry("l", link=True)))

    def names(folder: str) -> Listing | None:
        return listing if folder in {"/w/", "/w/d/"} else Listing()

    def found(pattern: str, *, existing: bool = True) -> list[Match]:
        made = expand(pattern, "/w", names, existing=existing)
        assert made is not None
        return list(made.found)

    assert found("*") == [Match("a"), Match("d"), Match("l", True)]
    assert found(".*") == [Match(".a")]
    assert found("*/a") == [Match("d/a")]
    assert found("*/a", existing=False) == [Match("d/a", True), Match("l/a", True)]
    assert found("*/l") == [Match("d/l", True)]
    assert found("d/*") == [Match("d/a"), Match("d/d"), Match("d/l", True)]
    assert found("x*") == []
    assert found(".*/a", existing=False) == [Match("../a", True)]


@given(st.text("{},ab$/*", max_size=60))
@settings(deadline=None)
def test_any_braces_stand_for_a_bounded_number_of_words(text: str) -> None:
    assert len(alternatives(text)) <= 64


def test_braces_stand_for_their_parts() -> None:
    assert sorted(alternatives("a{b,c{d,e}}f")) == ["abf", "acdf", "acef"]
    assert alternatives("a{b}c") == alternatives("${a,b}") == alternatives("abc") == []


FOLDERS = {
    "git -C sub add link/x": "outside",
    "git -C sub add deep/file": "write",
    "git -C sub log": "read",
    "git -C sub -C deep log": "read",
    "git -C sub -C link log": "outside",
    "git -C ./sub diff link/x": "outside",
    "git -C l1 status": "outside",
    "git -C /etc status": "outside",
    "git -C l* status": "outside",
    "git -C sub push": "push",
    "git -C sub add l1": "write",
    "git commit -C HEAD l1": "outside",
    "git -c a=b -C sub add link/x": "outside",
    "env git -C sub add l1": "?",
    "env git -C src add ../l1": "outside",
    "env -C sub git -C deep add ../link/x": "outside",
    "env make -C sub ../l1": "outside",
    "sudo -D sub cat link/passwd": "privilege",
    "npm run x --prefix sub link/x": "outside",
    "npm run x --prefix sub l1": "outside",
    "unzip -d sub a.zip link/x": "outside",
    "curl --output-dir sub -o link/x https://example.com": "outside",
    "make -C sub link/x": "outside",
    "make -Csub link/x": "outside",
    "make --directory=sub link/x": "outside",
    "make --directory sub link/x": "outside",
    "make -kC sub link/x": "outside",
    "make -C sub -C deep ../link/x": "outside",
    "make -C l1 all": "outside",
    "make -C sub all": "run",
    "make -C sub -j4 test": "run",
    "gmake -C sub link/x": "outside",
    "env -C sub cat link/passwd": "outside",
    "env --chdir=sub cat link/passwd": "outside",
    "env --chdir sub cat link/passwd": "outside",
    "env -C sub A=1 cat link/passwd": "outside",
    "env -C sub cat deep/file": "?",
    "env -C l1 cat passwd": "outside",
    "tar -C sub -cf a.tar link/passwd": "outside",
    "tar cf - -C sub link/passwd": "outside",
    "tar -czf a.tgz --directory=sub link/passwd": "outside",
    "tar -C l1 -xf a.tar": "outside",
    "tar -C sub -xf p1": "outside",
    "tar -C sub -cf a.tar deep": "?",
    "find sub -execdir cat link/passwd ;": "outside",
    "find sub src -name x -execdir cat link/passwd +": "outside",
    "find l1 -name passwd": "outside",
    "find sub -name link": "read",
    "find . -name l1": "read",
    "find . -name '*.pem'": "secret",
    "find . -path './sub/*' -name 'x/y'": "read",
    "pushd sub && cat link/passwd": "outside",
    "pushd sub; popd; cat link/passwd": "outside",
    "pushd sub && cat deep/file && popd": "?",
    "npm --prefix sub run link/x": "outside",
    "npm --prefix sub test": "run",
    "go -C sub test ./link/x": "outside",
    "go -C sub test ./...": "run",
    "cargo -C sub test": "run",
    "ninja -C sub link/x": "outside",
    "patch -d sub link/x": "outside",
    "timeout 5 git -C sub add link/x": "outside",
    "cd sub && git -C deep add ../link/x": "outside",
    "cd sub && git -C deep status": "read",
}  # fmt: skip


@pytest.mark.parametrize("command", FOLDERS)
def test_paths_start_from_the_folder_that_a_command_enters(work: Path, command: str) -> None:
    assert followed(work, command).risk.word == FOLDERS[command]


REDIRECTED = {
    "echo x > *.txt": "?",
    "echo x >> *.txt": "?",
    "echo x > a?": "?",
    "echo x > {a,b}": "?",
    "echo x > l*/x": "outside",
    "echo x > x://*": "?",
    "echo x > https://example.com/*": "?",
    "echo x > p*": "outside",
    "echo x > x://../../l1": "outside",
    "echo x > ../*": "outside",
    "echo x > .git/hook?/x": "ci file",
    "echo x >& /etc/motd": "outside",
    "echo x >& .git/hooks/pre-commit": "ci file",
    "echo x >& out.txt": "write",
    "echo x &> /etc/motd": "outside",
    "echo x &> out.txt": "write",
    "ls 2>&1": "read",
    "ls 2>&-": "read",
    "ls > /dev/null 2>&1": "read",
    "echo x > out.txt": "write",
    "cat < a.txt": "read",
    "cat < *.txt": "?",
}  # fmt: skip


@pytest.mark.parametrize("command", REDIRECTED)
def test_what_a_redirection_names_is_a_path(work: Path, command: str) -> None:
    assert followed(work, command).risk.word == REDIRECTED[command]


@pytest.mark.parametrize(
    "command",
    ["echo x > $X", "echo x >> ${X}", 'echo x > "$X"', "echo x > https://$X", "echo x >& $X", "echo x > $(y)"],
)
def test_a_redirection_to_what_is_known_only_when_it_runs_cannot_be_read(command: str) -> None:
    made = bash(command)
    assert (made.risk.word, made.grantable) == ("opaque", False)
