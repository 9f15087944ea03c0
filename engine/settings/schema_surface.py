"""Settings of what surrounds the work: engine, database, API, events, console, log and security."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import SecretStr

from engine.settings import paths
from engine.settings.fields import (
    BYTES,
    SECONDS,
    STORE,
    Backend,
    DatabaseUrl,
    Duration,
    Group,
    HexKey,
    Number,
    Place,
    Size,
    Switch,
    Whole,
    setting,
)


class Engine(Group):
    """What the engine runs, where it keeps its things, and how it stops."""

    backend: Backend = setting("auto", "What runs the sessions; auto is the CLI when it can log in.", restart="engine")
    offline: bool = setting(False, "Whether the real CLI talks to the offline model.", restart="engine")
    demo: Switch = setting("auto", "Demo traffic; auto runs it on the simulator only.", restart="engine")
    state_dir: Place = setting(
        lambda: paths.state_directory(os.environ),
        "Where the database, recordings and logs live.",
        shown="$XDG_STATE_HOME/quarterdeck",
        restart="engine",
    )
    output_directory: Place | None = setting(
        None, "Where tasks get their workspaces.", shown="workspaces in engine.state_dir", restart="engine"
    )
    grace: Duration = setting(
        10.0, "Time running turns have to finish when the engine stops.", unit=SECONDS, ge=0, le=3600
    )
    stop_term_grace: Duration = setting(
        5.0, "Time between SIGTERM and SIGKILL for a session's processes.", unit=SECONDS, ge=0, le=300
    )
    read_only: bool = setting(False, "Whether everything that acts is refused.", restart="engine")


class Database(Group):
    """Where tasks, tokens and history are stored."""

    url: DatabaseUrl | None = setting(
        None,
        "SQLite file or PostgreSQL address.",
        shown="sqlite:/// and quarterdeck.db in engine.state_dir",
        secret=True,
        address=True,
        restart="engine",
        unused_before=STORE,
    )


class Api(Group):
    """Where programs and other consoles reach the engine."""

    port: Whole | None = setting(
        None, "TCP port to listen on; empty listens on the local socket only.", ge=1, le=65_535, restart="engine"
    )
    host: str = setting("127.0.0.1", "Address the TCP port listens on.", restart="engine")
    socket: Place = setting(
        lambda: paths.socket_path(os.environ),
        "The local socket.",
        shown="$XDG_RUNTIME_DIR/quarterdeck/engine.sock, else ~/.quarterdeck/engine.sock",
        restart="engine",
    )
    token_file: Place | None = setting(
        None,
        "File of the token that TCP asks for; made at first use.",
        shown="token in engine.state_dir",
        restart="engine",
    )


class Events(Group):
    """How much of what happened is remembered."""

    history: Whole = setting(
        10_000, "Events kept in memory for late readers.", unit="events", ge=10, le=1_000_000, restart="engine"
    )
    recording: bool = setting(True, "Whether the flight recorder writes events to files.", restart="engine")
    recording_dir: Place | None = setting(
        None, "Where recordings are written.", shown="recordings in engine.state_dir", restart="engine"
    )
    segment_bytes: Size = setting(
        16 * 1024**2,
        "Size at which a recording goes on in a new file.",
        unit=BYTES,
        ge=4096,
        le=1024**3,
        restart="engine",
    )
    segments: Whole = setting(20, "Recording files kept.", unit="files", ge=1, le=10_000, restart="engine")
    transcript_bytes: Size = setting(
        64 * 1024**2,
        "Room for all transcripts held in memory.",
        unit=BYTES,
        ge=65_536,
        le=64 * 1024**3,
        restart="engine",
    )


class Console(Group):
    """How the console looks. A running console learns of it over its feed."""

    title: str = setting("", "Name of this pool, first in line 1; empty shows quarterdeck.")
    theme: str = setting("auto", "Name of the theme; auto is default, or ansi on a terminal with 16 colours.")
    refresh_hz: Number = setting(2.0, "Paints a second.", unit="hertz", ge=0.2, le=4)
    glyphs: Literal["auto", "unicode", "plain", "ascii"] = setting("auto", "Characters the console draws with.")
    animation: bool = setting(False, "Whether anything moves by itself.")
    bell: bool = setting(True, "Ring the terminal's bell when an approval begins to wait while nobody looks.")
    desktop_notices: Literal["auto", "off", "osc9", "osc777"] = setting(
        "auto", "How the terminal notifies of it then; auto sends OSC 9 and OSC 777 where the terminal is no console."
    )
    templates: Place | None = setting(
        None,
        "Folder of prompt templates on the console's machine; empty is `quarterdeck/templates` in the configuration "
        "folder.",
        local_only=True,
    )
    screens: tuple[str, ...] = setting(
        (),
        "Plugin screens as module:Class, beside the installed ones; read when a console starts.",
        local_only=True,
    )


class Log(Group):
    """What the engine writes to its log."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "Least urgent line that is written.")
    format: Literal["console", "json", "auto"] = setting(
        "auto", "Form of a line; auto is console on a terminal and json in a pipe.", restart="engine"
    )


class Security(Group):
    """Keys of the engine itself."""

    encryption_key: HexKey | None = setting(
        None,
        "Key for stored secrets: 64 hex digits, as `openssl rand -hex 32` prints.",
        secret=True,
        restart="engine",
        unused_before=STORE,
    )
    github_token: SecretStr | None = setting(
        None,
        "GitHub token, passed to agents of profiles that allow it.",
        secret=True,
        restart="sessions",
        local_only=True,
    )
