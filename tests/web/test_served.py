"""`quarterdeck web` as its users run it: the real console in a process of its own, over the page's WebSocket."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pyte
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from engine.base.errors import BadInput
from tests.support.headless import PROGRAM, START_S, environment_of, headless, quarterdeck
from tests.support.processes import command_of, parent_of, runs, survivors, wait_until
from tui.feeds.client import Address, EngineClient
from tui.web import server

COLUMNS, LINES = 120, 36
QUICK = ("session_pool.min_size=1", "engine.grace=0s", "engine.stop_term_grace=1s", "console.title=prod-eu")


class Page:
    """What the page in the browser does: it shows what it gets, and sends keys and sizes."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def say(self, *word: Any) -> None:
        """One word, as textual.js says it."""
        self.socket.send(json.dumps(word))

    def shows(self, text: str) -> bool:
        """Whether the text is on the screen, with all that came meanwhile."""
        try:
            while True:
                said = self.socket.recv(timeout=0.05)
                if isinstance(said, bytes):
                    self._stream.feed(said)
        except TimeoutError:
            return any(text in line for line in self._screen.display)


class Served:
    """A running `quarterdeck web`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        said = json.loads(process.stdout.readline() if process.stdout else "")
        self.url, self.engine = str(said["url"]), said["engine"]
        self.host = self.url.split("/")[2]

    @property
    def consoles(self) -> list[int]:
        """Pids of the consoles behind the tabs."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        return [pid for pid in pids if parent_of(pid) == self.process.pid and "attach" in command_of(pid) and runs(pid)]

    @cached_property
    def door(self) -> tuple[str, str]:
        """The cookie that the token brings, once, and the path that it is for."""
        welcome = httpx.get(self.url)
        return welcome.headers["set-cookie"].partition(";")[0], welcome.headers["location"].partition("?")[0]

    @contextmanager
    def page(self, **headers: str) -> Iterator[Page]:
        """A tab, opened as the page opens it unless the headers say otherwise."""
        sent = {"Cookie": self.door[0], "Origin": f"http://{self.host}", **headers}
        origin = sent.pop("Origin")
        with connect(
            f"ws://{self.host}{self.door[1]}ws?width={COLUMNS}&height={LINES}",
            additional_headers={name: value for name, value in sent.items() if value},
            origin=origin or None,  # type: ignore[arg-type]
            max_size=None,
        ) as socket:
            yield Page(socket)

    def stop(self) -> int:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(START_S)


@contextmanager
def served(home: Path, *arguments: str, program: Sequence[str] = PROGRAM, cwd: Path | None = None) -> Iterator[Served]:
    """The console for browsers, gone after the block."""
    overrides = [part for setting in QUICK for part in ("--set", setting)]
    process = subprocess.Popen(
        [*program, "web", "--json", "--backend", "simulator", *overrides, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=cwd or home,
        env=environment_of(home),
    )
    try:
        yield Served(process)
    finally:
        process.kill()
        process.communicate()


def test_a_browser_drives_the_whole_console_on_an_engine_that_web_brings_along(home: Path) -> None:
    with served(home) as web:
        assert web.engine == "own"
        with web.page() as page:
            wait_until(lambda: page.shows("● HEALTHY"))
            assert page.shows("prod-eu  [1 Overview]")
            page.say("stdin", "2")
            wait_until(lambda: page.shows("[2 Sessions]"))
            page.say("stdin", "T")
            wait_until(lambda: page.shows("SAMPLE"))
            page.say("stdin", "\x1b")
            page.say("resize", {"width": 40, "height": 10})
            wait_until(lambda: page.shows("? keys  q quit"))
            (console,) = web.consoles
        wait_until(lambda: not runs(console))
        with web.page() as page:
            wait_until(lambda: page.shows("● HEALTHY"))
            (console,) = web.consoles
            assert web.stop() == 0
            assert not runs(console)
    (recording,) = (home / "state" / "quarterdeck" / "recordings").glob("*.flight.jsonl")
    assert survivors(recording.name.partition("-")[0]) == []


STRAY = "env -i setsid /bin/sleep 600 >/dev/null 2>&1 </dev/null & echo $! >{home}/pid"


def test_a_tab_outlives_the_upkeep_that_ends_strays(home: Path) -> None:
    script = home / "tool"
    script.write_text(STRAY.format(home=home) + "\n")
    prompt = f'[[tool: Bash {{"command": "/bin/bash {script}"}}]]'
    with served(home, "--set", "claude.extra_args=[--allowedTools=Bash]") as web, web.page() as page:
        wait_until(lambda: page.shows("● HEALTHY"))
        (console,) = web.consoles
        done = quarterdeck(home, "run", prompt)
        assert done.returncode == 0, done.stderr
        stray = int((home / "pid").read_text())
        assert parent_of(stray) == web.process.pid
        socket = Path(quarterdeck(home, "socket").stdout.strip())
        with EngineClient(Address(uds=socket)) as engine:
            for session in engine.call("GET", "/api/sessions")["sessions"]:
                engine.call("POST", f"/api/sessions/{session['id']}/stop")
        wait_until(lambda: not runs(stray))
        assert web.consoles == [console]
        page.say("stdin", "2")
        wait_until(lambda: page.shows("[2 Sessions]"))
        assert web.stop() == 0


def test_a_hangup_ends_it_unless_it_is_ignored_as_by_nohup(home: Path) -> None:
    with served(home) as web:
        web.process.send_signal(signal.SIGHUP)
        assert web.process.wait(START_S) == 0
    ours = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what `nohup` does; children inherit it
    try:
        with served(home) as web:
            signal.signal(signal.SIGHUP, ours)
            web.process.send_signal(signal.SIGHUP)
            with web.page() as page:
                wait_until(lambda: page.shows("● HEALTHY"))
            assert web.stop() == 0
    finally:
        signal.signal(signal.SIGHUP, ours)


def test_each_tab_is_a_console_of_its_own_on_the_engine_that_runs_already(home: Path) -> None:
    with headless(home, settings=("console.title=the-running-one",)) as engine, served(home, "--read-only") as web:
        assert web.engine == "running"
        with web.page() as one, web.page() as other:
            for page in (one, other):
                wait_until(lambda page=page: page.shows("the-running-one"))  # type: ignore[misc]
                wait_until(lambda page=page: page.shows("READ-ONLY"))  # type: ignore[misc]
            assert len(web.consoles) == 2
            one.say("stdin", "2")
            wait_until(lambda: one.shows("[2 Sessions]"))
            assert other.shows("[1 Overview]")
            one.say("stdin", "q")
            wait_until(lambda: len(web.consoles) == 1)
            assert other.shows("[1 Overview]")
        assert web.stop() == 0
        assert not engine.ended


@pytest.mark.parametrize(
    "headers",
    [{"Cookie": ""}, {"Cookie": "quarterdeck_web=x"}, {"Origin": "http://evil.example"}, {"Origin": ""},
     {"Host": "evil.example"}],
)  # fmt: skip
def test_no_console_is_started_for_a_stranger(home: Path, headers: dict[str, str]) -> None:
    with headless(home), served(home) as web:
        with pytest.raises(InvalidStatus) as refused, web.page(**headers):
            pass
        assert refused.value.response.status_code == 401
        assert httpx.get(f"http://{web.host}/").status_code == 401
        assert httpx.get(f"http://{web.host}/static/js/textual.js").status_code == 401
        assert web.consoles == []


def test_the_page_brings_its_terminal_along_and_asks_no_other_host(home: Path) -> None:
    with headless(home), served(home) as web, httpx.Client(follow_redirects=True) as browser:
        page = browser.get(f"{web.url}")
        here = str(page.url)
        assert (page.status_code, here.startswith(f"http://{web.host}/")) == (200, True)
        assert f'data-session-websocket-url="ws{here.removeprefix("http")}ws"' in page.text
        assert "https://" not in page.text
        for part in ("js/textual.js", "css/xterm.css", "fonts/RobotoMono-VariableFont_wght.ttf"):
            assert f'"static/{part}' in page.text
            assert len(browser.get(f"{here}static/{part}").content) > 1000
        assert browser.get(f"{here}static/js/../../server.py").status_code == 404
        assert 'data-font-size="40"' in browser.get(f"{here}?fontsize=999").text


def test_consoles_end_with_a_server_that_was_killed(home: Path) -> None:
    with headless(home), served(home) as web, web.page() as page:
        wait_until(lambda: page.shows("● HEALTHY"))
        (console,) = web.consoles
        os.kill(web.process.pid, signal.SIGKILL)
        wait_until(lambda: not runs(console))
        assert web.process.wait() == -signal.SIGKILL


def test_what_is_missing_is_said_with_the_cure(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="needs textual-serve") as missing:
        server.browser_terminal()
    assert "pip install 'quarterdeck[web]'" in missing.value.remedy
    with headless(home), served(home) as web:
        done = quarterdeck(home, "web", "--port", web.host.partition(":")[2])
        assert (done.returncode, "cannot be listened on: Address already in use" in done.stderr) == (2, True)
