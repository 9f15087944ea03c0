"""Another program in the console's terminal: its keys are its own, and its end is reported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tui.terminal import hand_over

_CALLER = """
import sys
from tui.terminal.hand_over import Program, run
print(run(Program(['sh', '-c', sys.argv[1]])), flush=True)
"""

_OWN_KEYS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""Python has no handler where its parent ignores the signal, as a shell does for what runs beside it."""


@pytest.mark.parametrize("name", ["INT", "QUIT"])
def test_the_keys_that_end_a_program_do_not_end_the_console(name: str) -> None:
    """A terminal sends them to both."""
    both = subprocess.run(
        [sys.executable, "-c", _CALLER, f"kill -{name} $PPID; kill -{name} $$"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (both.returncode, both.stdout.strip()) == (0, "-2" if name == "INT" else "-3")


def test_the_console_has_its_keys_again_afterwards() -> None:
    again = subprocess.run(
        [sys.executable, "-c", f"{_OWN_KEYS}\n{_CALLER}\nimport os; os.kill(os.getpid(), signal.SIGINT)", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "KeyboardInterrupt" in again.stderr


def test_how_a_program_ended_is_named() -> None:
    assert [hand_over.ending(code) for code in (3, -2)] == ["ended with exit code 3", "was ended by SIGINT"]


def test_a_program_that_stops_itself_goes_on_since_no_shell_could_continue_it() -> None:
    assert hand_over.run(hand_over.Program(["sh", "-c", "kill -STOP $$; exit 7"])) == 7


def test_what_ends_the_console_ends_the_program_first_and_then_the_console() -> None:
    """As SIGTERM from another terminal."""
    both = subprocess.run(
        [sys.executable, "-c", _CALLER, "kill -TERM $PPID; exec sleep 60"], capture_output=True, text=True, check=False
    )
    assert both.returncode == -15
