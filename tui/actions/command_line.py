"""The command line `:`: one table of commands, from which running, completion and help are made. Pure.

The names are those of the shell: what follows `quarterdeck` there can be typed here, where both have it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tui.render.plain_text import clean

MAX_LINE = 2000
"""Characters of a line; what is pasted beyond is cut."""
MOST_CHOICES = 200
"""Completions that are offered at once."""
PROGRAM = "quarterdeck"


class ArgumentKind(StrEnum):
    """What an argument names, and so what completes it."""

    SCREEN = "SCREEN"
    COLUMN = "COLUMN"
    SETTING = "KEY=VALUE"
    SESSION = "SESSION"
    BREAKER = "BREAKER"
    REQUEST = "REQUEST"
    PERMISSION = "PERMISSION"
    THEME = "THEME"
    SIZE = "N|auto|off"
    SWITCH = "on|off"
    COMMAND = "COMMAND"
    MOMENT = "MOMENT"
    FILTER = "FILTER"
    TEXT = "TEXT"


WHOLE = frozenset({ArgumentKind.MOMENT, ArgumentKind.FILTER, ArgumentKind.TEXT})
"""Kinds that take the rest of the line as it is written."""
STRICT = frozenset(
    {
        ArgumentKind.COLUMN,
        ArgumentKind.SESSION,
        ArgumentKind.REQUEST,
        ArgumentKind.PERMISSION,
        ArgumentKind.THEME,
        ArgumentKind.SWITCH,
    }
)
"""Kinds that take only what is known."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `run` is what carries it out, `least` and `most` how many arguments it takes (0: no end)."""

    name: str
    kind: ArgumentKind | None
    text: str
    run: str
    acts: bool = False
    least: int = 1
    most: int = 1
    also: tuple[str, ...] = ()
    argument: str = ""
    """The argument of `run`, where several commands share one."""

    @property
    def operation(self) -> str:
        """The id of the operation that it executes; empty when it only looks."""
        if self.run == OPERATION:
            return self.argument
        return OPERATIONS.get(self.run) or OPERATIONS[f"{self.run}.{self.argument}"] if self.acts else ""

    @property
    def usage(self) -> str:
        """How it is written."""
        if self.kind is None:
            return self.name
        more = "…" if self.most == 0 else ""
        words = f"{self.kind.value}{more}"
        return f"{self.name} {words}" if self.least else f"{self.name} [{words}]"

    @property
    def names(self) -> tuple[str, ...]:
        """Its name, and the others that it goes by."""
        return (self.name, *self.also)


def _plain(name: str, text: str, run: str, *also: str, acts: bool = False) -> Command:
    return Command(name, None, text, run, acts, 0, 0, also)


def _sessions(verb: str, text: str) -> Command:
    return Command(f"sessions {verb}", ArgumentKind.SESSION, text, "sessions", True, 1, 0, (verb,), verb)


OPERATION = "operation"
"""What runs a command that is only an operation."""
OPERATIONS = {
    "prompt": "prompts.send",
    "scale": "pool.scale",
    "autoscale": "pool.autoscale",
    "tune": "config.change",
    "untune": "config.undo",
    "breaker": "breakers.control",
    "cancel": "prompts.cancel",
    "answer": "permissions.answer",
    **{f"sessions.{verb}": f"sessions.{verb}" for verb in ("interrupt", "stop", "kill", "recycle", "hibernate")},
}
"""The operation behind each command that acts, by what runs it and, where several share that, by its argument."""


def _breaker(verb: str, text: str) -> Command:
    return Command(f"breakers {verb}", ArgumentKind.BREAKER, text, "breaker", True, 1, 0, (f"breaker {verb}",), verb)


GO = Command("go", ArgumentKind.SCREEN, "go to a screen, by its name or its key", "go")
"""A screen's name alone does the same."""
COMMANDS: tuple[Command, ...] = (
    GO,
    Command("filter", ArgumentKind.FILTER, "filter this list; without words show all", "filter", least=0),
    Command("sort", ArgumentKind.COLUMN, "sort by a column; again turns it round", "sort"),
    Command("at", ArgumentKind.MOMENT, "show a moment: 13:47, 13:47:12, -5m", "at"),
    _plain("live", "from the past to now", "live"),
    Command("note", ArgumentKind.TEXT, "note something of this moment of a recording", "note"),
    Command("theme", ArgumentKind.THEME, "choose a theme", "theme", also=("skin",)),
    Command("run", ArgumentKind.TEXT, "send a prompt in a new conversation", "prompt", acts=True, also=("prompt",)),
    Command("scale", ArgumentKind.SIZE, "keep N sessions, or follow the load", "scale", acts=True),
    Command("autoscale", ArgumentKind.SWITCH, "follow the load, or stay at this size", "autoscale", acts=True),
    Command("config set", ArgumentKind.SETTING, "stage settings and apply them", "tune", True, 1, 0, ("tune set",)),
    _plain("config undo", "take the last change of settings back", "untune", "tune undo", acts=True),
    _sessions("interrupt", "end the turns of sessions"),
    _sessions("stop", "stop sessions"),
    _sessions("kill", "kill sessions"),
    _sessions("recycle", "stop sessions at the end of their turn"),
    _sessions("hibernate", "end idle processes; their conversations sleep"),
    _breaker("open", "hold a breaker open"),
    _breaker("close", "close a breaker"),
    _breaker("trip", "open a breaker for a while"),
    _breaker("disable", "let all calls pass a breaker"),
    Command("queue cancel", ArgumentKind.REQUEST, "end requests", "cancel", True, 1, 0, ("cancel",)),
    Command("permissions allow", ArgumentKind.PERMISSION, "allow what is asked, once", "answer", acts=True,
            also=("approve", "allow"), argument="allow"),
    Command("permissions deny", ArgumentKind.PERMISSION, "deny what is asked", "answer", acts=True,
            also=("deny",), argument="deny"),
    _plain("grants", "the grants in force, and revoke them", "grants", "permissions grants"),
    _plain("alerts", "the alerts that fire, and silence them", "alerts"),
    Command("help", ArgumentKind.COMMAND, "all commands, or one", "help", least=0),
    _plain("quit", "leave the console", "leave", "q"),
)  # fmt: skip


class LineError(ValueError):
    """The line cannot be run; the message states what is wrong with it, and what was probably meant."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion: the text that it stands for, the value in force, what is allowed, and what it is."""

    text: str
    value: str = ""
    bounds: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """What may stand from character `start` of the line on."""

    start: int
    choices: Sequence[Suggestion] = ()

    def extended(self, line: str) -> str:
        """The line after tab: as far as the choices agree, else with the first of them."""
        if not self.choices:
            return line
        texts = [choice.text for choice in self.choices]
        shared, typed = _shared(texts), line[self.start :]
        taken = shared if len(texts) > 1 and len(shared) > len(typed) and shared.startswith(typed) else texts[0]
        ends = taken == texts[0] and not taken.endswith("=")
        return line[: self.start] + taken + (" " if ends and (len(texts) == 1 or taken != shared) else "")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command with its arguments."""

    command: Command
    words: tuple[str, ...] = ()


Lookup = Callable[[ArgumentKind], Sequence[Suggestion]]
"""What is known of a kind now."""


def parse(line: str, screens: Collection[str] = ()) -> Parsed:
    """What a line asks for; the name of one of the `screens` goes there. Raises LineError."""
    text = _bare(clean(line))
    if not text.strip():
        raise LineError("Nothing is typed; tab shows all commands.")
    name, rest = _split(text)
    command = _by_name().get(name)
    if command is None:
        if text.strip().lower() in screens:
            return Parsed(GO, (text.strip().lower(),))
        if (found := _operation(text)) is not None:
            return found
        raise LineError(_unknown(text))
    words = _words(command, rest.strip())
    if len(words) < command.least or (command.most and len(words) > command.most) or (words and command.kind is None):
        raise LineError(f"It is written: {command.usage}")
    return Parsed(command, words)


def _operation(text: str) -> Parsed | None:
    """A line whose first words are the command of an operation that has no line of its own here. Raises LineError."""
    from tui.actions.operation_lines import acting_operations, arguments, usage

    for name, operation in acting_operations():
        if text.split()[: len(name.split())] == name.split():
            rest = text.split(maxsplit=len(name.split()))[len(name.split()) :]
            command = Command(name, None, operation.summary, OPERATION, operation.acts, argument=operation.id)
            words = _words(command, rest[0] if rest else "")
            try:
                arguments(operation, words)
            except ValueError as error:
                raise LineError(f"{error} It is written: {usage(name, operation)}") from error
            return Parsed(command, words)
    return None


def _operations(wanted: str) -> list[Suggestion]:
    """The commands of operations that begin with what is typed, where the table has none that does."""
    from tui.actions.operation_lines import acting_operations, usage

    return [
        Suggestion(name, note=f"{usage(name, operation)[len(name) :].strip()}   {operation.summary}".strip())
        for name, operation in acting_operations()
        if wanted and name.startswith(wanted)
    ]


def check(parsed: Parsed, lookup: Lookup) -> None:
    """Raises LineError for an argument that names nothing known."""
    kind = parsed.command.kind
    if kind is None or kind not in STRICT:
        return
    known = [choice.text for choice in lookup(kind)]
    for word in parsed.words:
        if word not in known and kind is ArgumentKind.SWITCH:
            raise LineError(f"{word!r} is neither on nor off.")
        if word not in known:
            there = f" There is {', '.join(known[:8])}." if 0 < len(known) <= 8 else ""
            raise LineError(f"There is no {kind.value.lower()} {word!r}{nearest(word, known)}.{there}")


def complete(line: str, lookup: Lookup) -> Completion:
    """What may follow at the end of the line."""
    text = _bare(clean(line))
    left = len(line) - len(text)
    name, rest = _split(text)
    command = _by_name().get(name)
    if command is None or not (rest or text.endswith(" ")):
        return Completion(left, [*_screens(text.strip(), lookup), *_starting(text.lstrip())])
    if command.kind is None or command.kind in WHOLE:
        return Completion(len(line), [Suggestion("", note=f"{command.usage}   {command.text}")])
    word = "" if rest.endswith(" ") or not rest else rest.split(" ")[-1]
    if command.kind is ArgumentKind.COMMAND:
        word = rest.lstrip()
    if command.kind is ArgumentKind.SETTING and "=" in word:
        # The value in force and its bounds stay in sight while another is typed.
        key = word.partition("=")[0] + "="
        same = [replace(choice, text=word) for choice in lookup(command.kind) if choice.text == key]
        return Completion(len(line) - len(word), same)
    known = (
        [Suggestion(each.name, note=each.text) for each in COMMANDS] if command.kind is ArgumentKind.COMMAND else None
    )
    taken = set(rest.split()) - {word}
    found = [
        each for each in _matching(word, known if known is not None else lookup(command.kind)) if each.text not in taken
    ]
    return Completion(len(line) - len(word), found[:MOST_CHOICES])


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name, empty when none is near."""
    import difflib

    close = difflib.get_close_matches(name[:80], list(known), n=1, cutoff=0.5)
    return f"; the nearest is {close[0]}" if close else ""


def commands() -> Iterator[tuple[str, str, str]]:
    """Each command's usage, what it does, and its other names."""
    for command in COMMANDS:
        yield command.usage, command.text, ", ".join(command.also)


def _by_name() -> dict[str, Command]:
    return {name: command for command in COMMANDS for name in command.names}


def _bare(line: str) -> str:
    """Without what a person copies along: the colon, or the program's name."""
    text = line.lstrip().removeprefix(":").lstrip()
    return text.removeprefix(f"{PROGRAM} ").lstrip() if text.startswith(f"{PROGRAM} ") else text


def _split(text: str) -> tuple[str, str]:
    """The longest name of a command that the text begins with, and what follows it."""
    first, _, rest = text.lstrip().partition(" ")
    second = rest.lstrip().partition(" ")[0]
    if f"{first} {second}" in _by_name():
        return f"{first} {second}", rest.lstrip()[len(second) :]
    return first, text.lstrip()[len(first) :]


def _words(command: Command, rest: str) -> tuple[str, ...]:
    if command.kind in WHOLE or command.kind is ArgumentKind.COMMAND:
        return (rest,) if rest else ()
    try:
        return tuple(shlex.split(rest))
    except ValueError:
        raise LineError("A quotation mark is not closed.") from None


def _unknown(text: str) -> str:
    first = text.split(maxsplit=1)[0]
    names = list(_by_name())
    within = sorted({name for name in names if name.startswith(f"{first} ")})
    if within:
        return f"{first} goes on: {', '.join(name.partition(' ')[2] for name in within)}."
    two = " ".join(text.split()[:2])
    near = nearest(first, names) or nearest(two, names)
    return f"There is no command {first[:40]!r}{near}."


def _shared(texts: Sequence[str]) -> str:
    """The beginning that all of them have."""
    first, last = min(texts), max(texts)
    at = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:at]


def is_command(wanted: str) -> bool:
    """Whether any command's name begins so."""
    return any(name.startswith(wanted) for command in COMMANDS for name in command.names)


def _screens(wanted: str, lookup: Lookup) -> list[Suggestion]:
    """The screens whose name begins with what is typed."""
    if not wanted:
        return []
    known = [each for each in lookup(ArgumentKind.SCREEN) if each.text.startswith(wanted)]
    return [Suggestion(each.text, note=f"go to {each.note}") for each in known]


def _starting(typed: str) -> list[Suggestion]:
    wanted = " ".join(typed.split())
    found = [
        (not name.startswith(wanted), bool(position), Suggestion(name, note=f"{_after(command, name)}{command.text}"))
        for command in COMMANDS
        for position, name in enumerate(command.names)
        if (name.startswith(wanted) or wanted in name) and (not position or wanted)
    ]
    return [choice for _where, _position, choice in sorted(found, key=lambda each: each[:2])] or _operations(wanted)


def _after(command: Command, name: str) -> str:
    arguments = command.usage[len(command.name) :].strip()
    return f"{arguments}   " if arguments and name else ""


def _matching(word: str, known: Sequence[Suggestion]) -> list[Suggestion]:
    """Those that begin with the word, then those with a part that does, then those that hold it."""
    low = word.lower()
    ranked = [(_rank(low, choice.text.lower()), choice) for choice in known]
    return [choice for rank, choice in sorted(ranked, key=lambda each: each[0]) if rank < 3]


def _rank(word: str, text: str) -> int:
    if text.startswith(word):
        return 0
    if f".{word}" in text or f":{word}" in text:
        return 1
    return 2 if word in text else 3
