"""A shell command read with Bash's grammar (tree-sitter): each command that it runs, wherever it stands.

Substitutions, here-documents, functions, conditionals, loops and subshells are read alike. Text that the grammar cannot
read, or that it reads differently from the shell as far as that is known, is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from engine.approvals import shell
from engine.approvals.shell import Kind, Word

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_MOST_CALLS, _MOST_SUBSTITUTIONS = 400, 64
"""Commands and substitutions of one text; a text with more cannot be read."""
_SUBSTITUTIONS = frozenset({"command_substitution", "process_substitution"})
_CASE_ENDS = frozenset({";;", ";&", ";;&"})
_BETWEEN = re.compile(rb"(?:\\\n)*[ \t\n](?:[ \t\n]|\\\n)*|")
"""Blanks between two words; a line that goes on without a blank joins what stands on both lines."""
_DASH = re.compile(rb"[ \t]+-[ \t]*")
"""The grammar leaves out the `-` of `python - <<END`."""
_JOINED = frozenset({"list", "pipeline", "negated_command"})
_EXPRESSIONS = frozenset({"unary_expression", "binary_expression", "parenthesized_expression"})
_PATTERNS = frozenset({"extglob_pattern", "regex"})
_EXPANDED = re.compile(r"[$`\\]")


@dataclass(frozen=True, slots=True)
class Call:
    """One command: its words, the first of them the program behind any assignments, and what it reads as its input.

    `stdin` is the text of a here-document or here-string, None when the input is anything else or not known.
    """

    words: tuple[Word, ...]
    assigned: int = 0
    stdin: str | None = None

    @property
    def program(self) -> tuple[Word, ...]:
        """The words without the assignments before them."""
        return self.words[self.assigned :]


@dataclass(frozen=True, slots=True)
class Script:
    """What a text runs: its commands in the order written, and what it redirects where."""

    calls: tuple[Call, ...]
    redirects: tuple[tuple[str, Word], ...]


def read(text: str) -> Script | None:
    """The commands of a text, None when it cannot be read for certain."""
    if not text.strip() or len(text) > shell.LONGEST or not text.translate(_LINES).isprintable():
        return None
    source = text.encode()
    root = _parser().parse(source).root_node
    if root.has_error or not _whole(root, source):
        return None
    nodes = list(_walk(root))
    if sum(node.type in _SUBSTITUTIONS for node in nodes) > _MOST_SUBSTITUTIONS:
        return None
    calls = [_call(node) for node in nodes if node.type in {"command", "declaration_command", "unset_command"}]
    calls += [_test(node) for node in nodes if node.type == "test_command"]
    calls += [_assignments(node) for node in nodes if _stands_alone(node)]
    redirected = [_redirect(node) for node in nodes if node.type == "file_redirect"]
    if len(calls) > _MOST_CALLS:
        return None
    calls.sort(key=lambda found: found[0])
    return Script(tuple(call for _at, call in calls), tuple(each for each in redirected if each is not None))


_LINES = str.maketrans("\t\n", "  ")


@cache
def _parser() -> Parser:
    """Bash's grammar; loaded when the first command is read, since a console that starts needs none."""
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def _walk(root: Node) -> Iterator[Node]:
    """All nodes in the order written, whatever their depth."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _whole(root: Node, source: bytes) -> bool:
    """Whether the leaves are the whole text but for blanks, and no separator stands where the shell refuses it."""
    at, bodies = 0, 0
    for node in _walk(root):
        if node.type in _CASE_ENDS and (node.parent is None or node.parent.type != "case_item"):
            return False
        if node.type == "heredoc_redirect" and not _quotes(node) and "`" in _body(node):
            return False  # the grammar takes a backtick in a here-document for text
        if node.type == "heredoc_body":
            bodies = max(bodies, node.end_byte)
            at = max(at, node.end_byte)
        if node.children or node.start_byte < bodies:
            continue
        if not _blank(source, at, node) and not _verbatim(node):
            return False
        at = max(at, node.end_byte)
    return _BETWEEN.fullmatch(source, at) is not None


def _blank(source: bytes, at: int, node: Node) -> bool:
    """Whether nothing stands before a leaf."""
    if node.start_byte <= at:
        return True
    if _BETWEEN.fullmatch(source, at, node.start_byte) is not None:
        return True
    return node.type == "<<" and _DASH.fullmatch(source, at, node.start_byte) is not None


def _verbatim(node: Node) -> bool:
    """Whether blanks and text before a leaf belong to the string around it."""
    return node.parent is not None and node.parent.type in {"string", "translated_string", "expansion", "regex"}


def _call(node: Node) -> tuple[int, Call]:
    parts = [_word(child) for child in node.children if not child.type.endswith("_redirect") and child.text]
    assigned = sum(child.type == "variable_assignment" for child in node.children)
    if node.type != "command":  # `export`, `unset` and their like run nothing
        assigned = len(parts)
    stdin = _input(node)
    parts += _behind(node)
    if (outer := _redirected(node)) is not None:
        stdin = _input(outer) if stdin is None else stdin
        parts += _behind(outer)
    return node.start_byte, Call(tuple(parts), assigned, stdin)


def _test(node: Node) -> tuple[int, Call]:
    """`[ … ]` and `[[ … ]]` as a call of `test`; the patterns of `==` and `=~` name no files."""
    words, waiting = [Word("test", "test")], list(reversed(node.named_children))
    while waiting:
        part = waiting.pop()
        if part.type in _EXPRESSIONS:
            waiting.extend(reversed(part.named_children))
        elif part.type not in _PATTERNS:
            words.append(_word(part))
    return node.start_byte, Call(tuple(words))


def _redirected(node: Node) -> Node | None:
    """The statement whose redirections are a command's own, as those behind a pipeline are its last command's."""
    outer = node.parent
    while outer is not None and outer.type in _JOINED and outer.named_children[-1] == node:
        node, outer = outer, outer.parent
    return outer if outer is not None and outer.type == "redirected_statement" else None


def _assignments(node: Node) -> tuple[int, Call]:
    found = [node] if node.type == "variable_assignment" else node.children
    words = tuple(_word(each) for each in found)
    return node.start_byte, Call(words, len(words))


def _stands_alone(node: Node) -> bool:
    """Whether it is a statement that only assigns."""
    if node.type == "variable_assignments":
        return True
    outer = node.parent.type if node.parent is not None else ""
    return node.type == "variable_assignment" and outer not in {
        "command", "declaration_command", "variable_assignments",
    }  # fmt: skip


def _behind(node: Node) -> list[Word]:
    """The words that stand behind a redirection: the grammar counts them to it, the shell to the command."""
    found: list[Word] = []
    for child in node.children:
        if child.type == "file_redirect":
            found += [_word(each) for each in child.children_by_field_name("destination")[1:]]
        elif child.type == "heredoc_redirect":
            found += [_word(each) for each in child.children_by_field_name("argument")]
    return found


def _redirect(node: Node) -> tuple[str, Word] | None:
    target = node.child_by_field_name("destination")
    how = next((child.type for child in node.children if not child.is_named), "")
    return (how, _word(target)) if target is not None else None


def _input(node: Node) -> str | None:
    """The text that a here-document or here-string gives to a command."""
    for child in node.children:
        if child.type == "herestring_redirect":
            word = _word(child.children[-1])
            return word.value if word.kind is Kind.STATIC else None
        if child.type == "heredoc_redirect":
            return _document(child)
    return None


def _document(node: Node) -> str | None:
    """The text of a here-document that the shell leaves as it is."""
    body = _body(node)
    return body if _quotes(node) or not _EXPANDED.search(body) else None


def _body(node: Node) -> str:
    return "".join(_text(child) for child in node.children if child.type == "heredoc_body")


def _quotes(node: Node) -> bool:
    """Whether a here-document's end is quoted, so that nothing in it is expanded."""
    start = "".join(_text(child) for child in node.children if child.type == "heredoc_start")
    return any(sign in start for sign in "'\"\\")


def _word(node: Node) -> Word:
    return shell.one_word(_text(node))


def _text(node: Node) -> str:
    return node.text.decode() if node.text is not None else ""
