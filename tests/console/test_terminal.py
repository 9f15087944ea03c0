"""The console in a real terminal: it says what it runs, and however it ends the terminal is as before."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyte
import pytest

from tests.support.headless import PROGRAM, environment_of
from tests.support.processes import survivors, wait_until

COLUMNS, LINES = 100, 30
OWN_SCREEN_LEFT = b"\x1b[?1049l"
QUICK = ("--set", "engine.grace=0s", "--set", "engine.stop_term_grace=1s", "--set", "console.title=prod-eu")


class Terminal:
    """A terminal with a console in it; `said` is every byte that came out of it."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, size: tuple[int, int] = (COLUMNS, LINES)) -> None:
        self.process = process
        self.said = b""
        self._master = master
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)

    def shows(self, text: str) -> Callable[[], bool]:
        """Whether the text is on the screen now."""
        return lambda: self._read() and any(text in line for line in self._screen.display)

    @property
    def text(self) -> str:
        """What is on the screen now."""
        self._read()
        return "\n".join(self._screen.display)

    def ended(self) -> bool:
        """Whether the process is gone; what it wrote last is read."""
        if self._master >= 0:
            self._read()
        return self.process.poll() is not None

    def hang_up(self) -> None:
        """The terminal goes away, as with a line that is lost or a window that is closed."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """Give the test's end back."""
        if self._master >= 0:
            self.hang_up()

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    @property
    def modes(self) -> list[object]:
        """The terminal's own settings: echo, line mode and all."""
        return termios.tcgetattr(self._master)[:4]

    def _read(self) -> bool:
        try:
            while data := os.read(self._master, 65536):
                self.said += data
                self._stream.feed(data)
        except OSError:  # nothing more now, or the other end is gone
            return True
        return True


@contextmanager
def terminal(
    home: Path,
    *arguments: str,
    errors: IO[bytes] | None = None,
    size: tuple[int, int] = (COLUMNS, LINES),
    **environment: str,
) -> Iterator[Terminal]:
    """The console in a terminal of its own, killed at the end if it is still there; `errors` stands for its stderr."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    os.set_blocking(master, False)
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=errors or slave,
        cwd=home,
        env=environment_of(home, **{"TERM": "xterm-256color", "LANG": "C.UTF-8", **environment}),
        start_new_session=True,
    )
    made = Terminal(process, master, size)
    try:
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(slave)
        made.close()


def _by_key(console: Terminal) -> None:
    console.press(b"q")
    wait_until(console.shows("drain and leave"))
    console.press(b"\r")


def _by_signal(number: signal.Signals) -> Callable[[Terminal], None]:
    return lambda console: console.process.send_signal(number)


@pytest.mark.parametrize("leave", [_by_key, _by_signal(signal.SIGTERM), _by_signal(signal.SIGHUP)])
def test_leaving_drains_the_engine_and_gives_the_terminal_back(home: Path, leave: Callable[[Terminal], None]) -> None:
    with terminal(home, "--backend", "simulator", *QUICK, "--set", "engine.demo=on") as console:
        before = console.modes
        wait_until(console.shows("● HEALTHY"))
        assert console.shows("SIMULATOR · demo traffic")() or console.shows("SIMULATOR, demo traffic")()
        assert console.shows("prod-eu  [1 Overview]")()
        assert console.modes != before
        leave(console)
        wait_until(console.ended)
        assert console.process.returncode == 0
        own, _, after = console.said.rpartition(OWN_SCREEN_LEFT)
        assert own
        assert b"draining" in after
        assert b"Traceback" not in console.said
        assert b"Warning" not in after
        assert console.modes == before
    (recording,) = (home / "state" / "quarterdeck" / "recordings").glob("*.flight.jsonl")
    assert survivors(recording.name.partition("-")[0]) == []


def test_a_bad_setting_closes_the_console_and_is_told_in_the_plain_terminal(home: Path) -> None:
    with terminal(home, "--set", "console.refresh_hz=77") as console:
        before = console.modes
        wait_until(console.ended)
        assert console.process.returncode == 2
        after = console.said.rpartition(OWN_SCREEN_LEFT)[2]
        assert b"console.refresh_hz = 77" in after
        assert b"from 0.2 to 4" in after
        assert console.modes == before


def test_an_operator_breaks_the_pool_finds_the_cause_tunes_undoes_and_quits_by_keys_alone(home: Path) -> None:
    breaks = ("circuit_breaker.failure_threshold=2", "circuit_breaker.timeout=10m", "retry.max_attempts=1")
    pool = ("engine.demo=off", "session_pool.min_size=2", "session_pool.max_size=4")
    settings = [part for pair in (*breaks, *pool) for part in ("--set", pair)]
    with terminal(home, "--backend", "simulator", *QUICK, *settings) as console:
        wait_until(console.shows("● HEALTHY"))
        for _ in range(2):
            console.press(b"P")
            wait_until(console.shows("what should Claude do?"))
            console.press(b"[[fault: http529]] break it\r")
            wait_until(lambda: not console.shows("what should Claude do?")())
        wait_until(console.shows("✖ CRITICAL   model:default open"))
        console.press(b"3")
        wait_until(console.shows("resource/overloaded"))
        assert console.shows("SAMPLE 1 of 2")()
        console.press(b"4")
        wait_until(console.shows("✖ open"))
        console.press(b"C")
        wait_until(console.shows("quarterdeck breakers close model:default"))
        console.press(b"\r")
        wait_until(console.shows("● closed"))
        console.press(b"7")
        wait_until(console.shows("min_size"))
        console.press(b"\x1b[C")  # → : one more
        wait_until(console.shows("2 → 3"))
        console.press(b"A")
        wait_until(console.shows("APPLY AS ONE"))
        console.press(b"\r")
        wait_until(console.shows("● live"))
        console.press(b"U")
        wait_until(console.shows("UNDO THE LAST CHANGE"))
        console.press(b"\r")
        wait_until(console.shows("↩ undone"))
        console.press(b"1")
        wait_until(console.shows("[1 Overview]"))
        console.press(b"q")
        wait_until(console.shows("drain and leave"))
        console.press(b"\r")
        wait_until(console.ended)
        assert console.process.returncode == 0
        assert b"Traceback" not in console.said


def colours(said: bytes) -> set[str]:
    """The colour codes that were sent, each as the digits of its SGR sequence."""
    codes = {code for sequence in re.findall(rb"\x1b\[([0-9;]+)m", said) for code in _colour_codes(sequence.decode())}
    assert codes
    return codes


def _colour_codes(sequence: str) -> Iterator[str]:
    rest = sequence.split(";")
    while rest:
        size = {"2": 5, "5": 3}[rest[1]] if rest[0] in {"38", "48"} else 1
        code, rest = ";".join(rest[:size]), rest[size:]
        if size > 1 or int(code) >= 30:
            yield code


def test_a_console_of_sixteen_colours_gets_these_and_ascii(home: Path) -> None:
    with terminal(home, "--backend", "simulator", *QUICK, TERM="linux") as console:
        wait_until(console.shows("* HEALTHY"))
        assert all(";" not in code for code in colours(console.said))
        assert not console.shows("●")()
        console.process.send_signal(signal.SIGTERM)
        wait_until(console.ended)


def test_no_color_leaves_shades_of_grey(home: Path) -> None:
    with terminal(home, "--backend", "simulator", *QUICK, NO_COLOR="1", COLORTERM="truecolor") as console:
        wait_until(console.shows("● HEALTHY"))
        shades = [code.split(";")[2:] for code in colours(console.said) if ";" in code]
        assert shades
        assert all(red == green == blue for red, green, blue in shades)
        console.process.send_signal(signal.SIGTERM)
        wait_until(console.ended)
