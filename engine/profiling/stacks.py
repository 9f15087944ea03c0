"""Collapsed stacks: how often each was seen, bounded, and what that makes of each function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath
from types import CodeType, FrameType

MOST_STACKS, MOST_DEPTH, MOST_CALLERS = 10_000, 100, 8
_ROOTS = ("engine", "tui")
_WAITS = frozenset(
    {
        ("selectors.py", "select"),
        ("threading.py", "wait"),
        ("threading.py", "_wait_for_tstate_lock"),
        ("thread.py", "_worker"),
        ("queue.py", "get"),
        ("socket.py", "accept"),
    }
)
"""Leaves of the standard library in which a thread waits: no CPU is used there."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function in a stack; `line` is its first."""

    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Stack:
    """One distinct stack of a thread, its root first, and the samples that saw it."""

    thread: str
    functions: tuple[Function, ...]
    count: int


@dataclass(frozen=True, slots=True)
class HotFunction:
    """Shares of all samples that were at work, from 0 to 1: in the function itself, and in what it called too.

    `callers` are those that called it in most of them, with their shares.
    """

    function: Function
    own: float
    total: float
    callers: tuple[tuple[Function, float], ...] = ()


def codes_of(frame: FrameType | None) -> list[CodeType]:
    """The codes of a stack, its leaf first; of a deeper one the part at the leaf."""
    codes: list[CodeType] = []
    while frame is not None and len(codes) < MOST_DEPTH:
        codes.append(frame.f_code)
        frame = frame.f_back
    return codes


def is_waiting(leaf: CodeType) -> bool:
    """Whether a thread whose innermost function this is waits."""
    return leaf.co_name in _WAIT_NAMES and (leaf.co_filename.rpartition("/")[2], leaf.co_name) in _WAITS


_WAIT_NAMES = frozenset(name for _, name in _WAITS)


class StackCounter:
    """Owner of the counts; `other` counts samples of stacks that came after the bound.

    Code objects are compared by identity, which holds while they are kept here: their own hash reads all they hold.
    """

    def __init__(self, most: int = MOST_STACKS) -> None:
        self._most = most
        self._counts: dict[tuple[str, tuple[int, ...]], int] = {}
        self._codes: dict[tuple[str, tuple[int, ...]], tuple[CodeType, ...]] = {}
        self.other = 0

    def add(self, thread: str, codes: list[CodeType]) -> None:
        """One sample of a stack, its leaf first."""
        key = (thread, tuple(map(id, codes)))
        if key in self._counts:
            self._counts[key] += 1
        elif len(self._counts) < self._most:
            self._counts[key] = 1
            self._codes[key] = tuple(codes)
        else:
            self.other += 1

    def stacks(self) -> list[Stack]:
        """All, the most frequent first."""
        found = [
            Stack(printable(key[0]), tuple(function_of(code) for code in reversed(self._codes[key])), count)
            for key, count in self._counts.items()
        ]
        return sorted(found, key=lambda stack: -stack.count)


def hottest(stacks: Sequence[Stack], most: int) -> list[HotFunction]:
    """The functions by their own share, the greatest first; a recursive one counts once a stack."""
    own: Counter[Function] = Counter()
    total: Counter[Function] = Counter()
    for stack in stacks:
        own[stack.functions[-1]] += stack.count
        for function in set(stack.functions):
            total[function] += stack.count
    samples = max(1, sum(stack.count for stack in stacks))
    first = own.most_common(most)
    callers = _callers(stacks, {each for each, _ in first})
    return [
        HotFunction(
            each,
            count / samples,
            total[each] / samples,
            tuple((caller, calls / samples) for caller, calls in callers[each].most_common(MOST_CALLERS)),
        )
        for each, count in first
    ]


def _callers(stacks: Sequence[Stack], of: AbstractSet[Function]) -> dict[Function, Counter[Function]]:
    """Who called these in how many samples; a caller counts once a stack, and a recursive call is none."""
    found: dict[Function, Counter[Function]] = {each: Counter() for each in of}
    for stack in stacks:
        for caller, called in {(one, two) for one, two in pairwise(stack.functions) if two in of and one != two}:
            found[called][caller] += stack.count
    return found


def own_shares(stacks: Sequence[Stack]) -> dict[tuple[str, str], float]:
    """The share of the samples at work in each function itself, from 0 to 1, by its name and file."""
    own: Counter[tuple[str, str]] = Counter()
    for stack in stacks:
        own[(stack.functions[-1].name, stack.functions[-1].file)] += stack.count
    samples = max(1, own.total())
    return {name: count / samples for name, count in own.items()}


def function_of(code: CodeType) -> Function:
    """A code object as people read it, without the folders of this machine."""
    return Function(printable(code.co_qualname), short_path(code.co_filename), code.co_firstlineno)


def short_path(path: str) -> str:
    """A source file from the last folder that names its owner: `engine/thread.py`, `asyncio/events.py`."""
    parts = PurePath(printable(path)).parts
    for at in reversed(range(len(parts) - 1)):
        if parts[at] == "site-packages" or parts[at].startswith("python3"):
            return "/".join(parts[at + 1 :])
        if parts[at] in _ROOTS:
            return "/".join(parts[at:])
    return "/".join(parts[-2:])


def printable(name: str) -> str:
    """A name as files hold it: one of bytes that are no text has question marks for them."""
    return name.encode(errors="replace").decode()


def labels(stack: Stack) -> Iterator[str]:
    """The names of a stack, the thread first."""
    yield stack.thread
    for function in stack.functions:
        yield f"{function.name} ({function.file}:{function.line})"
