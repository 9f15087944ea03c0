"""The script language of the offline model and the simulator: directives in the text of a prompt.

Without directives a prompt is answered with `Echo: <its first 200 characters>`, streamed word by word. Directives
stand anywhere in the text, in any order, and are left out of the echo:

    [[reply: text]]            answer with this text
    [[words: 200]]             answer with so many words
    [[history]]                answer with `History: N user messages, digest D` (proves resume and /clear)
    [[think: text]]            a thinking block before the answer
    [[delay: 0.2s]]            wait before the first byte
    [[pace: 20ms]]             wait between two words
    [[tool: Bash {"command": "ls"}]]   use a tool; several make several rounds; then the answer (`Tool said: …`)
    [[fault: http529]]         fail as engine/offline_model/faults.py says
    [[fault: http529 x2]]      the first two requests for this prompt (in any session) fail

Only the simulator, being a process of its own, knows these:

    [[crash]]                  die of SIGABRT in the middle of the answer
    [[exit: 3]]                leave with this code in the middle of the answer
    [[hang]]                   answer nothing any more, probes neither
    [[stall]]                  the turn falls silent, probes are answered
    [[garbage]]                one line on stdout that is not JSON
    [[flood: 1000]]            so many extra stream events
    [[leak: 16MiB]]            keep so much memory until the end

A directive that cannot be read is named in the answer (`Script error: …`); an unknown name is plain text. A turn that
the CLI begins itself when a background task ends is answered with `Noted: <the CLI's summary>`. Only the standard
library is used and little of it: the simulator starts hundreds of processes that import this module.
"""

from __future__ import annotations

import json
import re
import zlib

ECHO_LENGTH = 200
MOST_WORDS = 1_000_000

_NAMES = "reply|words|history|think|delay|pace|tool|fault|crash|exit|hang|stall|garbage|flood|leak"
_OPENING = re.compile(rf"\[\[\s*({_NAMES})\s*(?::|(?=\]\]))\s*")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)?")
_SIZE = re.compile(r"(\d+)\s*(KiB|MiB|GiB)?")
_FAULT = re.compile(r"([\w.-]+)(?:\s+x(\d+))?")
_WORD = re.compile(r"\S+\s*|\s+")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
_BYTES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, None: 1}
_VOCABULARY = tuple(
    re.findall(
        r"\w+",
        "anchor bearing beacon breeze bridge buoy cabin cargo chart compass course crew current deck dock fathom fleet "
        "galley harbour helm hull keel knot lantern ledger mast mooring pilot port quarter reef rigging rudder sail "
        "signal starboard stern tide watch wave wharf wind",
    )
)

RESUME_NOTE = "Output token limit hit."
"""How the CLI asks for the rest of an answer that met `max_tokens`."""

# The CLI puts texts of its own into user messages; none of them is a prompt.
_INJECTED = (
    "<system-reminder>",
    "<local-command-",
    "<command-name>",
    "<command-message>",
    "[Request interrupted by user",
    RESUME_NOTE,
    "Stop hook feedback:",
    "Your response above was cut off",
    "Your response above was stopped by a safety classifier",
    "Continue from where you left off.",
    "This session is being continued from a previous conversation",
    "API Error:",
    "[structured-output-enforce]",
    "[Image: source:",
)

_NOTIFICATION = "<task-notification>"
_SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)


class BadDirective(ValueError):
    """A directive whose value cannot be read."""


class Script:
    """What one prompt asks for; the module's docstring lists the directives."""

    __slots__ = (
        "crash",
        "delay",
        "exit_code",
        "fault",
        "fault_times",
        "flood",
        "garbage",
        "hang",
        "history",
        "leak",
        "pace",
        "problem",
        "remainder",
        "reply",
        "stall",
        "think",
        "tools",
        "words",
    )

    def __init__(self) -> None:
        self.reply: str | None = None
        self.words: int | None = None
        self.history = False
        self.think: str | None = None
        self.delay = 0.0
        self.pace = 0.0
        self.tools: list[tuple[str, dict[str, object]]] = []
        self.fault: str | None = None
        self.fault_times: int | None = None
        self.crash = False
        self.exit_code: int | None = None
        self.hang = False
        self.stall = False
        self.garbage = False
        self.flood = 0
        self.leak = 0
        self.problem: str | None = None
        self.remainder = ""


def read_script(prompt: str) -> Script:
    """The directives of `prompt`; never fails, a bad directive becomes the script's `problem`."""
    script = Script()
    plain: list[str] = []
    at = 0
    while opening := _OPENING.search(prompt, at):
        plain.append(prompt[at : opening.start()])
        try:
            value, at = _value(prompt, opening)
            _apply(script, opening[1], value)
        except BadDirective as problem:
            script.problem = script.problem or f"Script error: {problem}"
            at = opening.end()
    plain.append(prompt[at:])
    script.remainder = "".join(plain).strip()
    return script


def answer_to_notice(summary: str) -> str:
    """The text of a turn that the CLI began itself, because a background task ended."""
    return f"Noted: {summary[:ECHO_LENGTH]}"


def answer(script: Script, *, prompts: list[str], tool_said: str | None, seed: int) -> str:
    """The text that ends the turn; `prompts` is the history, the present prompt last."""
    if script.problem:
        return script.problem
    if script.history:
        return f"History: {len(prompts)} user messages, digest {digest(prompts)}"
    if script.reply is not None:
        return script.reply
    if script.words is not None:
        return some_words(script.words, zlib.crc32(prompts[-1].encode("utf-8", "replace"), seed))
    if tool_said is not None:
        return f"Tool said: {tool_said[:ECHO_LENGTH]}"
    return f"Echo: {script.remainder[:ECHO_LENGTH]}"


def deltas(text: str) -> list[str]:
    """The text cut into the pieces that are streamed: a word with the space after it each."""
    return _WORD.findall(text)


def some_words(count: int, seed: int) -> str:
    """`count` words, always the same ones for the same seed."""
    words = []
    state = seed & 0xFFFFFFFF
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        words.append(_VOCABULARY[(state >> 16) % len(_VOCABULARY)])
    return " ".join(words)


def digest(texts: list[str]) -> str:
    """Eight hex digits that change with any of the texts or their order."""
    value = 0
    for text in texts:
        value = zlib.crc32(text.strip().encode("utf-8", "replace") + b"\0", value)
    return f"{value:08x}"


def strikes(mark: str, share: float) -> bool:
    """Whether a fault that hits a share of all requests hits this one; the same mark always fares alike."""
    return zlib.crc32(mark.encode("utf-8", "replace")) < share * 0x1_0000_0000


def is_injected(text: str) -> bool:
    """Whether a text of a user message was put there by the CLI and is no prompt."""
    return text.lstrip().startswith(_INJECTED)


def notified(text: str) -> str | None:
    """What the CLI says about a background task in a text of its own; None when the text is about something else."""
    if _NOTIFICATION not in text:
        return None
    summary = _SUMMARY.search(text)
    return summary[1].strip() if summary else ""


def _value(prompt: str, opening: re.Match[str]) -> tuple[str, int]:
    """The directive's value and where the text goes on; a tool's JSON may hold `]]` itself."""
    start = opening.end()
    search_from = start
    if opening[1] == "tool":
        brace = prompt.find("{", start)
        if brace >= 0:
            search_from = _end_of_json(prompt, brace)
    end = prompt.find("]]", search_from)
    if end < 0:
        raise BadDirective(f"[[{opening[1]}: …]] is not closed")
    return prompt[start:end].strip(), end + 2


def _end_of_json(prompt: str, start: int) -> int:
    try:
        return json.JSONDecoder().raw_decode(prompt, start)[1]
    except ValueError as error:
        raise BadDirective(f"[[tool: …]] needs a JSON object after the tool's name ({error})") from error


def _apply(script: Script, name: str, value: str) -> None:
    if name in {"reply", "think"}:
        setattr(script, name, value)
    elif name in {"history", "crash", "hang", "stall", "garbage"}:
        setattr(script, name, True)
    elif name in {"delay", "pace"}:
        setattr(script, name, duration(value))
    elif name == "tool":
        script.tools.append(_tool(value))
    elif name == "fault":
        script.fault, script.fault_times = _fault(value)
    elif name == "leak":
        script.leak = _size(value)
    elif name == "exit":
        script.exit_code = _whole(name, value, 255)
    else:
        setattr(script, name, _whole(name, value, MOST_WORDS))


def duration(value: str) -> float:
    """Seconds from `20ms`, `0.2s`, `1m` or a plain number of seconds; BadDirective otherwise."""
    found = _DURATION.fullmatch(value)
    if not found:
        raise BadDirective(f"{value!r} is no duration; write 20ms, 0.2s or 1m")
    return float(found[1]) * _SECONDS[found[2]]


def _size(value: str) -> int:
    found = _SIZE.fullmatch(value)
    if not found:
        raise BadDirective(f"{value!r} is no size; write 16MiB or a number of bytes")
    return int(found[1]) * _BYTES[found[2]]


def _whole(name: str, value: str, most: int) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > most:
        raise BadDirective(f"[[{name}: {value}]] needs a whole number from 0 to {most}")
    return int(value)


def _tool(value: str) -> tuple[str, dict[str, object]]:
    name, _, arguments = value.partition(" ")
    try:
        decoded = json.loads(arguments or "{}")
    except ValueError as error:
        raise BadDirective(f"[[tool: {name} …]] needs a JSON object ({error})") from error
    if not name or not isinstance(decoded, dict):
        raise BadDirective('[[tool: …]] needs a name and a JSON object, as in [[tool: Bash {"command": "ls"}]]')
    return name, decoded


def _fault(value: str) -> tuple[str, int | None]:
    found = _FAULT.fullmatch(value)
    if not found:
        raise BadDirective(f"[[fault: {value}]] needs a name, and x2 for the first two requests only")
    return found[1], int(found[2]) if found[2] else None
