"""Every source is read, later ones win, and all that is wrong comes out at once with nothing secret in it."""

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from engine.base.errors import SettingsError
from engine.settings import sources
from engine.settings.load import Loaded, load_settings
from engine.settings.names import NAMES
from engine.settings.reference import environment_example
from engine.settings.saving import save
from engine.settings.tree import REDACTED, flatten

SAMPLE = """\
session_pool:
  min_size: 10
  max_size: 100
  auto_scaling: {enabled: true, scale_up_threshold: 0.8, scale_down_threshold: 0.3}
  load_balancing: {strategy: "weighted_round_robin", health_check_interval: "30s"}
circuit_breaker: {failure_threshold: 10, timeout: "60s", half_open_max_calls: 3}
"""
HEX = "0123456789abcdef" * 4


def load(
    text: str | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    dotenv: str | None = None,
    *,
    folder: Path,
) -> Loaded:
    config, env_file = folder / "config.yaml", folder / ".env"
    if text is not None:
        config.write_text(text)
    if dotenv is not None:
        env_file.write_text(dotenv)
    return load_settings(
        config if text is not None else None, overrides, {"HOME": str(folder), **(environ or {})}, env_file
    )


def problems_of(folder: Path, text: str | None = None, **rest: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(text, folder=folder, **rest)  # type: ignore[arg-type]
    assert caught.value.remedy
    return caught.value.problems


def test_nothing_given_is_the_defaults_on_this_machine(tmp_path: Path) -> None:
    loaded = load(folder=tmp_path)
    assert loaded.config is None
    assert (loaded.settings.session_pool.min_size, loaded.settings.session_pool.max_size) == (2, 10)
    assert loaded.settings.engine.state_dir == tmp_path / ".local/state/quarterdeck"
    assert loaded.settings.api.socket == tmp_path / ".quarterdeck/engine.sock"
    assert loaded.settings.database_url == f"sqlite:///{tmp_path}/.local/state/quarterdeck/quarterdeck.db"
    assert set(loaded.origins.values()) == {"default"}
    assert "default" in loaded.settings.profiles


def test_the_sample_file_of_the_design_loads_as_it_stands(tmp_path: Path) -> None:
    settings = load(SAMPLE, folder=tmp_path).settings
    assert (settings.session_pool.min_size, settings.session_pool.max_size) == (10, 100)
    scaling = settings.session_pool.auto_scaling
    assert (scaling.enabled, scaling.scale_up_threshold, scaling.scale_down_threshold) == (True, 0.8, 0.3)
    assert settings.session_pool.load_balancing.strategy == "weighted_round_robin"
    assert settings.session_pool.load_balancing.health_check_interval == 30.0
    breaker = settings.circuit_breaker
    assert (breaker.failure_threshold, breaker.timeout, breaker.half_open_max_calls) == (10, 60.0, 3)


def test_later_sources_win_and_each_value_knows_its_origin(tmp_path: Path) -> None:
    names = ["min_size", "max_size", "max_starting", "max_turns_per_session", "idle_timeout"]
    text = "session_pool: {min_size: 3, max_size: 30, max_starting: 3, max_turns_per_session: 33}"
    loaded = load(
        text,
        ["session_pool.max_turns_per_session=66", "session_pool.max_turns_per_session=77"],
        {"QUARTERDECK_SESSION_POOL__MAX_STARTING": "5", "QUARTERDECK_SESSION_POOL__MAX_TURNS_PER_SESSION": "55"},
        "QUARTERDECK_SESSION_POOL__MAX_SIZE=40\nQUARTERDECK_SESSION_POOL__MAX_STARTING=4\n",
        folder=tmp_path,
    )
    assert [getattr(loaded.settings.session_pool, name) for name in names] == [3, 40, 5, 77, 600.0]
    assert [loaded.origins[f"session_pool.{name}"] for name in names] == [
        str(tmp_path / "config.yaml"),
        f"{tmp_path / '.env'} QUARTERDECK_SESSION_POOL__MAX_SIZE",
        "environment QUARTERDECK_SESSION_POOL__MAX_STARTING",
        "--set",
        "default",
    ]


def test_the_file_of_the_user_is_read_when_none_is_named(tmp_path: Path) -> None:
    config = tmp_path / "xdg/quarterdeck/config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("queue: {max_waiting: 7}")
    loaded = load(environ={"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, folder=tmp_path)
    assert (loaded.settings.queue.max_waiting, loaded.config) == (7, config)


def test_every_name_that_users_know_reaches_its_setting(tmp_path: Path) -> None:
    environ = {
        "CLAUDE_MODEL": "opus",
        "CLAUDE_MAX_TOKENS": "4096",
        "CLAUDE_AUTO_ACCEPT": "true",
        "DATABASE_URL": "postgres://me:pw@db/app",
        "PORT": "8080",
        "OUTPUT_DIRECTORY": "~/out",
        "ENCRYPTION_KEY": HEX,
        "GITHUB_TOKEN": "gh",
        "ANTHROPIC_API_KEY": "sk-1",
        "ANTHROPIC_AUTH_TOKEN": "'quoted",
        "CLAUDE_CODE_OAUTH_TOKEN": "o: #1",
        "ANTHROPIC_BASE_URL": "https://gate.example",
    }
    assert environ.keys() == NAMES.keys()
    loaded = load(environ=environ, folder=tmp_path)
    one = loaded.settings
    assert (one.claude.model, one.claude.max_tokens, one.claude.permission_mode) == ("opus", 4096, "acceptEdits")
    assert (one.api.port, one.workspaces) == (8080, Path("~/out").expanduser())
    assert one.database_url == "postgresql://me:pw@db/app"
    secrets = [one.security.encryption_key, one.security.github_token]
    secrets += [one.credential.api_key, one.credential.auth_token, one.credential.oauth_token]
    assert [secret and secret.get_secret_value() for secret in secrets] == [HEX, "gh", "sk-1", "'quoted", "o: #1"]
    assert one.credential.base_url == "https://gate.example"
    assert loaded.origins["api.port"] == "environment PORT"


@pytest.mark.parametrize(
    ("text", "mode"), [("1", "acceptEdits"), ("YES", "acceptEdits"), ("false", "plan"), ("", "plan")]
)
def test_auto_accept_speaks_only_when_it_is_true(tmp_path: Path, text: str, mode: str) -> None:
    loaded = load("claude: {permission_mode: plan}", environ={"CLAUDE_AUTO_ACCEPT": text}, folder=tmp_path)
    assert loaded.settings.claude.permission_mode == mode


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("file:./dev.db", "sqlite:///./dev.db"),
        ("file:///var/dev.db", "sqlite:////var/dev.db"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("postgres://h/d", "postgresql://h/d"),
        ("postgresql://h/d?ssl=1", "postgresql://h/d?ssl=1"),
    ],
)
def test_every_form_of_database_address_becomes_one(tmp_path: Path, given: str, url: str) -> None:
    assert load(environ={"DATABASE_URL": given}, folder=tmp_path).settings.database_url == url


def test_values_on_the_command_line_mean_what_the_setting_takes(tmp_path: Path) -> None:
    overrides = [
        "claude.model=123",
        "engine.demo=on",
        "claude.extra_args=[--verbose, '5']",
        "session_pool.turn_timeout=1h",
        "cache={max_bytes: 1MiB, ttl: 5m}",
        "api.port=",
        "engine.read_only=yes",
        "profiles.ci.environment.PORT=80",
        "claude.binary=/opt/a=b",
    ]
    one = load("api: {port: 80}\nengine: {demo: off}", overrides, folder=tmp_path).settings
    assert (one.claude.model, one.engine.demo, one.claude.extra_args) == ("123", "on", ("--verbose", "5"))
    assert (one.session_pool.turn_timeout, one.cache.max_bytes, one.cache.ttl) == (3600.0, 1024**2, 300.0)
    assert (one.api.port, one.engine.read_only, one.claude.binary) == (None, True, "/opt/a=b")
    assert one.profiles["ci"].environment == {"PORT": "80"}


def test_profiles_come_from_every_source_and_keep_the_case_of_variables(tmp_path: Path) -> None:
    environ = {"QUARTERDECK_PROFILES__CI__ENVIRONMENT__Foo": "bar", "QUARTERDECK_PROFILES__CI__MODEL": "haiku"}
    one = load(
        "profiles: {ci: {tenant: acme, environment: {A: b}}, empty: }", environ=environ, folder=tmp_path
    ).settings
    assert set(one.profiles) == {"default", "ci", "empty"}
    assert (one.profiles["ci"].tenant, one.profiles["ci"].model) == ("acme", "haiku")
    assert one.profiles["ci"].environment == {"A": "b", "Foo": "bar"}


def test_all_problems_of_all_sources_come_at_once(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        "session_pool: {max_sise: 5, turn_timeout: soon}\nqueue: 7\nlog: {level: warn}\n",
        overrides=["cache.ttl", "api.port=99999", "retry.jitter=[1"],
        environ={"QUARTERDECK_CACHE__ENABLED": "maybe", "PORT": "http", "CLAUDE_AUTO_ACCEPT": "perhaps"},
        dotenv="ENCRYPTION_KEY=short-secret\nthis is no line\n",
    )
    config, dotenv = tmp_path / "config.yaml", tmp_path / ".env"
    assert set(found) == {
        f"session_pool.max_sise = 5 ({config}): no such setting; the nearest is session_pool.max_size.",
        f"queue = 7 ({config}): this is a group; it takes settings below it such as queue.max_waiting.",
        f"session_pool.turn_timeout = soon ({config}): it must be a duration such as 30s, 5m or 1h from 100ms to 7d.",
        f"log.level = warn ({config}): it must be one of debug, info, warning, error; the nearest is warning.",
        "--set cache.ttl: this is not KEY=VALUE, such as session_pool.max_size=20.",
        "api.port = 99999 (--set): it must be a whole number from 1 to 65535, or empty.",
        "retry.jitter = [1 (--set): it must be one of full, equal, decorrelated, none.",
        "cache.enabled = maybe (environment QUARTERDECK_CACHE__ENABLED): it must be true or false.",
        "claude.permission_mode = perhaps (environment CLAUDE_AUTO_ACCEPT): it must be true or false.",
        (
            f"security.encryption_key = (hidden) ({dotenv} ENCRYPTION_KEY): "
            "it must be 64 hex digits, as `openssl rand -hex 32` prints."
        ),
        f"{dotenv}, line 2: this is not NAME=value; close every quote and comment with #.",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "session_pool: {min_size: 20}",
            "session_pool.min_size = 20 (FILE) is above session_pool.max_size = 10 (default).",
        ),
        ("retry: {base_delay: 1m}", "retry.base_delay = 1m (FILE) is above retry.max_delay = 30s (default)."),
        (
            "session_pool: {auto_scaling: {scale_down_threshold: 0.8}}",
            (
                "session_pool.auto_scaling.scale_down_threshold = 0.8 (FILE) is not below "
                "session_pool.auto_scaling.scale_up_threshold = 0.8 (default)."
            ),
        ),
    ],
)
def test_a_low_end_above_its_high_end_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_of(tmp_path, text) == [problem.replace("FILE", str(tmp_path / "config.yaml"))]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("- a\n- b", "holds no settings"),
        ("just words", "holds no settings"),
        ("a: [1", "is not valid YAML at line 1"),
        ("queue: {max_waiting: 1}\nqueue: {}", "is not valid YAML at line 2, column 1 (a key is there twice)"),
        ("log: {level: 2026-13-45}", "is not valid YAML"),
        ("a: " + "[" * 5000, "is not valid YAML"),
        ("a: !!python/object:os.system x", "is not valid YAML"),
        ("session_pool.max_size: 5", "names have no dots here"),
        ("session_pool: {min_size: true}", "must be a whole number"),
        ("session_pool: {min_size: 1.5}", "must be a whole number"),
        ("session_pool: {acquire_timeout: .nan}", "must be a duration"),
        ("session_pool: {turn_timeout: [5]}", "must be a duration"),
        ("session_pool: {max_size: {a: 1}}", "must be a whole number"),
        ("cache: {max_bytes: 5 apples}", "must be a size such as 512MiB or 1GB from 1KiB to 1TiB"),
        ("claude: {model: 5}", "it must be text"),
        ("claude: {extra_args: --verbose}", "it must be a list of texts"),
        ("claude: {extra_args: [a, 5]}", "it must be a list of texts"),
        ("credential: {base_url: gate.example}", "it must be an address that starts with http"),
        ("database: {url: 'mysql://me:pw@x'}", "it must be file:PATH, sqlite:///PATH, postgres://"),
        ("profiles: {a b: {}}", "a b = (hidden)"),
        ("profiles: {ci: {modle: x}}", "the nearest is profiles.ci.model."),
        ("profiles: {ci: {environment: {A-B: x}}}", "A-B = (hidden)"),
        ("profiles: {ci: 5}", "it takes settings below it such as profiles.ci.backend"),
        ("on: 1", "True = 1"),
        ("zzzz: 1", "nothing valid is near it"),
    ],
)
def test_each_kind_of_bad_file_is_named_with_its_path(tmp_path: Path, text: str, part: str) -> None:
    found = problems_of(tmp_path, text)
    assert len(found) == 1
    assert part in found[0]
    assert str(tmp_path / "config.yaml") in found[0]
    assert "pw@" not in found[0]


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml does not exist\. Name a file"):
        load_settings(tmp_path / "nowhere.yaml", environ={}, dotenv=None)


def test_unreadable_files_are_named_with_the_reason(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"log: {level: \xe9}")
    with pytest.raises(SettingsError) as caught:
        load_settings(latin, environ={}, dotenv=tmp_path)
    assert caught.value.problems == [
        f"{latin} is not UTF-8 text. Save it as UTF-8.",
        f"{tmp_path} cannot be read: Is a directory. Make it a readable text file, or take it away.",
    ]
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings(tmp_path, environ={}, dotenv=None)


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> bytes:  # root may read everything, so chmod proves nothing
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    config = tmp_path / "config.yaml"
    config.write_text("")
    monkeypatch.setattr(sources, "content_of", refuse)
    with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
        load_settings(config, environ={}, dotenv=None)


def test_a_name_with_too_few_underscores_is_put_right(tmp_path: Path) -> None:
    environ = {"QUARTERDECK_SESSION_POOL_MAX_SIZE": "5", "QUARTERDECK_SESSION": "abc", "QUARTERDECK_ENGINE": "x"}
    (problem,) = problems_of(tmp_path, environ=environ)
    assert "the nearest is QUARTERDECK_SESSION_POOL__MAX_SIZE" in problem


def test_problems_never_show_a_secret(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        "credential: {api_key: [s3cret], api_kee: s3cret}\nprofiles: {ci: {environment: {T: [s3cret]}}}\n"
        "database: {url: 's3cret'}\nsecurity: {github_tokn: s3cret}\n",
        overrides=["security.encryption_key=s3cret", "credentials.apikey=s3cret", "sekret={key: s3cret}"],
        environ={"QUARTERDECK_CREDENTIAL__API_KYE": "s3cret", "ANTHROPIC_BASE_URL": "ftp://me:s3cret@x"},
        dotenv="export s3cret\nX='s3cret\n",
    )
    assert len(found) == 13
    assert not [problem for problem in found if "s3cret" in problem]


def test_settings_never_print_a_secret(tmp_path: Path) -> None:
    one = load(
        f"credential: {{api_key: s3cret, base_url: 'https://me:s3cret@gate'}}\n"
        f"security: {{encryption_key: '{HEX}'}}\nprofiles: {{ci: {{environment: {{TOKEN: s3cret}}}}}}\n"
        "database: {url: 'postgres://me:s3cret@db/app?sslpassword=s3cret'}",
        folder=tmp_path,
    ).settings
    flat = flatten(one)
    printed = repr(one) + str(one) + str(one.profiles) + repr(flat)
    assert "s3cret" not in printed
    assert HEX not in printed
    assert flat["credential.api_key"] == flat["profiles.ci.environment.TOKEN"] == REDACTED
    assert flat["credential.base_url"] == f"https://{REDACTED}@gate"
    assert flat["database.url"] == f"postgresql://{REDACTED}@db/app?sslpassword={REDACTED}"
    assert flat["credential.auth_token"] is None
    assert flat["engine.state_dir"] == str(tmp_path / ".local/state/quarterdeck")


def test_the_example_of_the_env_file_lists_every_name_and_sets_none(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / ".env.example"
    assert example.read_text() == environment_example()
    assert all(f"\n{name}=\n" in example.read_text() for name in NAMES)
    loaded = load_settings(None, environ={"HOME": str(tmp_path)}, dotenv=example)
    assert set(loaded.origins.values()) == {"default"}


def test_a_key_of_an_earlier_version_is_still_read_and_saved_under_its_new_name(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("console:\n  skin: paper  # easy on the eyes\n")
    assert load_settings(file, (), {}, None).settings.console.theme == "paper"
    assert load_settings(file, ("console.skin=ember",), {}, None).settings.console.theme == "ember"
    variable = {"QUARTERDECK_CONSOLE__SKIN": "harbour"}
    assert load_settings(file, (), variable, None).settings.console.theme == "harbour"
    save(file, {"console.theme": "contrast"})
    assert file.read_text() == "console:\n  theme: contrast\n"
