"""Settings: which of three places wins, what is refused and how, and that no secret is ever repeated."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.common.errors import WrongSettings
from services.common.model.access import Role
from services.common.runtime.settings import Settings, load_settings

CANARY = "S3CR3T"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads a settings file of the machine that it runs on."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_needs_to_be_set(tmp_path):
    """The defaults serve on loopback, from a folder beside where the command was started."""
    settings = load_settings(environ={})
    assert (settings.host, settings.port, settings.sources, settings.tokens) == ("127.0.0.1", 8642, {}, {})
    assert settings.home == tmp_path / "cwd" / ".headwater"
    assert settings.n_threads >= 1
    assert load_settings(environ={}, default_home=Path("demo")).home == tmp_path / "cwd" / "demo"


def test_a_flag_is_stronger_than_the_environment_and_that_than_the_file(tmp_path):
    """Value by value; a flag that was not given does not count."""
    file = write(tmp_path / "x.toml", 'port = 1\nhost = "a"\nmodel = "m"')
    env = {"HEADWATER_PORT": "2", "HEADWATER_HOST": "b"}
    settings = load_settings({"port": 3, "host": None}, config=file, environ=env)
    assert (settings.port, settings.host, settings.model) == (3, "b", "m")


def test_the_first_settings_file_found_is_the_only_one(tmp_path):
    """The flag's, the variable's, the one here, the one in the home; the home itself may come from a flag."""
    home = tmp_path / "home"
    in_home = write(home / "headwater.toml", "port = 4")
    env = {"HEADWATER_HOME": str(home)}
    assert load_settings(environ=env).port == 4
    assert load_settings({"home": home}, environ={}).port == 4
    assert load_settings(environ={}).port == 8642
    here = write(Path("headwater.toml"), 'host = "x"')
    assert load_settings(environ=env).port == 8642
    named = write(tmp_path / "b.toml", "port = 2")
    env["HEADWATER_CONFIG"] = str(named)
    assert load_settings(environ=env).port == 2
    assert load_settings(environ=env, config=in_home).port == 4
    here.unlink()
    assert load_settings(environ=env | {"HEADWATER_CONFIG": ""}).port == 4


def test_a_home_may_be_written_with_a_tilde(tmp_path, monkeypatch):
    """Its own settings file is found there too."""
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "hw" / "headwater.toml", "port = 4")
    settings = load_settings(environ={"HEADWATER_HOME": "~/hw"})
    assert (settings.home, settings.port) == (tmp_path / "hw", 4)


def test_two_underscores_step_into_a_table(tmp_path):
    """The environment completes what the file says of a source, or names a new one; lists have commas."""
    file = write(tmp_path / "x.toml", '[sources.wh]\nurl = "postgresql://db1/shop"\ninclude = ["a"]')
    env = {
        "HEADWATER_SOURCES__WH__INCLUDE": "shop.*, crm.*,",
        "HEADWATER_SOURCES__WH__TIMEOUT_S": "5.5",
        "HEADWATER_SOURCES__LAKE__URL": "duckdb:///lake.duckdb",
        "HEADWATER_TOKENS__ANN__SHA256": hashlib.sha256(b"x").hexdigest(),
        "HEADWATER_TOKENS__ANN__ROLE": "editor",
        "HEADWATER_TOKENS__ANN__DENY": "wh.hr",
        "HEADWATER_CORS_ORIGINS": "https://a.example,https://b.example",
        "HEADWATER_MODEL": "",
    }
    settings = load_settings(config=file, environ=env)
    assert settings.sources["wh"].url == "postgresql://db1/shop"
    assert settings.sources["wh"].include == ("shop.*", "crm.*")
    assert settings.sources["wh"].timeout_s == 5.5
    assert settings.sources["lake"].url == "duckdb:///lake.duckdb"
    assert settings.tokens["ann"].role is Role.EDITOR
    assert settings.tokens["ann"].scope.deny == ("wh.hr",)
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.model == "all-MiniLM-L6-v2+headwater"
    cleared = load_settings(config=file, environ={"HEADWATER_SOURCES__WH__INCLUDE": ""})
    assert cleared.sources["wh"].include == ()


@pytest.mark.parametrize("keys", [("HEADWATER_PORT", "HEADWATER_PORT__X"), ("HEADWATER_PORT__X", "HEADWATER_PORT")])
def test_a_variable_cannot_be_a_value_and_a_table(keys):
    """In either order; the variable at fault is named."""
    with pytest.raises(WrongSettings, match=keys[1]):
        load_settings(environ=dict.fromkeys(keys, "1"))


def test_other_variables_are_left_alone():
    """Those of the tests, of other programs, and in small letters."""
    env = {"HEADWATER_TEST_POSTGRES_URL": "x", "HEADWATERS": "x", "headwater_port": "1", "PORT": "1"}
    assert load_settings(environ=env).port == 8642


def test_every_fault_is_named_at_once(tmp_path):
    """Unknown keys by their names, wrong values by their places."""
    file = write(
        tmp_path / "x.toml", 'prot = 1\nport = 70000\nlog_level = "loud"\n[sources.wh]\nurl = "duckdb:///x"\ntpyo = 1'
    )
    with pytest.raises(WrongSettings) as caught:
        load_settings(config=file, environ={"HEADWATER_NONSENSE": "1"})
    for place in ("prot: ", "port: ", "log_level: ", "sources.wh.tpyo: ", "nonsense: "):
        assert place in str(caught.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [(b"port = ", "TOML"), (b"port = 1\nport = 2", "TOML"), (b"\xff\xfe", "TOML"), (None, "there is no settings file")],
)
def test_a_file_that_is_named_must_be_there_and_be_toml(tmp_path, content, match):
    """Its path is in the message."""
    file = tmp_path / "x.toml"
    if content is not None:
        file.write_bytes(content)
    for options in ({"config": file, "environ": {}}, {"environ": {"HEADWATER_CONFIG": str(file)}}):
        with pytest.raises(WrongSettings, match=match) as caught:
            load_settings(**options)
        assert str(file) in str(caught.value)


SECRETS = {
    "database_url": f"postgresql://u:{CANARY}@db/headwater",
    "internal_key": CANARY * 4,
    "sources": {
        "wh": {"url": f"postgresql://u:{CANARY}@db1/shop", "password": f"env:{CANARY}"},
        "q": {"url": f"snowflake://acc/db?password={CANARY}"},
    },
    "tokens": {"ann": {"sha256": hashlib.sha256(CANARY.encode()).hexdigest()}},
}


def test_settings_never_show_a_secret():
    """Neither whole nor by part, however they are turned into text."""
    settings = Settings.model_validate(SECRETS)
    parts = [settings, *settings.sources.values(), *settings.tokens.values(), settings.namespaces()]
    for shown in [str(part) for part in parts] + [repr(part) for part in parts]:
        assert CANARY not in shown
        assert SECRETS["tokens"]["ann"]["sha256"] not in shown


@pytest.mark.parametrize(
    "wrong",
    [
        {"internal_key": CANARY},
        {"internal_key": [CANARY]},
        {"database_url": f"mysql://u:{CANARY}@db/x"},
        {"database_url": {"url": CANARY}},
        {"port": CANARY},
        {"log_level": CANARY},
        {"cors_origins": CANARY},
        {"sources": {"wh": {"url": f"postgresql://u:{CANARY}@db1/x", "password": CANARY}}},
        {"sources": {"wh": {"url": [CANARY]}}},
        {"sources": {"wh": {"url": f"postgresql://u:{CANARY}@db1/x", "unknown": CANARY}}},
        {"sources": {"wh": f"postgresql://u:{CANARY}@db1/x"}},
        {"sources": {"wh": {"url": f"postgresql://u:{CANARY}/x@db1/shop"}}},
        {"sources": {"wh": {"url": f"postgresql://u:123/{CANARY}@db1/shop"}}},
        {"sources": {"wh": {"url": f"postgresql://u:123#{CANARY}@db1/shop"}}},
        {"sources": {"wh": {"url": f"u:{CANARY}@db1/shop"}}},
        {"sources": {"wh": {"url": f"postgresql://u:{CANARY}@db1:port/shop"}}},
        {"sources": {"wh": {"url": "duckdb:///x", "aliases": [f"postgres://u:{CANARY}/x@db1"]}}},
        {"sources": {"wh": {"url": "duckdb:///x", "namespace": f"postgres://u:{CANARY}/x@db1"}}},
        {"sources": {n: {"url": f"postgresql://{n}:{CANARY}@db1/x"} for n in ("a", "b")}},
        {"tokens": {"ann": {"sha256": CANARY}}},
        {"tokens": {"ann": CANARY}},
    ],
)
def test_an_error_never_repeats_a_secret(wrong):
    """Not the message, not what it came from, and not pydantic's own text where settings are made directly."""
    with pytest.raises(WrongSettings) as caught:
        load_settings(wrong, environ={})
    assert CANARY not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(ValidationError) as direct:
        Settings.model_validate(wrong)
    assert CANARY not in str(direct.value) + repr(direct.value)


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\n"])
def test_a_token_is_known_by_sixty_four_hexadecimal_digits(sha256):
    """Anything else would be a token that nobody can show."""
    with pytest.raises(WrongSettings, match=r"tokens\.ann\.sha256"):
        load_settings({"tokens": {"ann": {"sha256": sha256}}}, environ={})


@pytest.mark.parametrize("url", ["postgres://db/x", "postgresql://db/x", "postgresql+psycopg://db/x"])
def test_the_store_is_postgresql_or_sqlite_in_the_home(url):
    """Other servers are refused at the start, not at the first query."""
    assert load_settings({"database_url": url}, environ={}).database_url == url
    with pytest.raises(WrongSettings, match=r"database_url.*only postgresql://"):
        load_settings({"database_url": "sqlite:///x.db"}, environ={})


def test_settings_cannot_be_changed():
    """They were checked as a whole."""
    settings = load_settings(environ={})
    with pytest.raises(ValidationError):
        settings.port = 1
