"""Reads the settings; each value remembers where it came from.

From weakest to strongest: default, foreign names (``OPENAI_API_KEY`` ...), ``agent.toml`` in the
current folder, ``agent.toml`` in the workspace, ``AGENT_*`` in the environment, command line. An
empty variable counts as unset. A relative folder is relative to the file that names it, else to
the current folder.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from agent.settings.databases import (
    EXPECTED,
    PREFIX,
    TABLE,
    from_environment,
    masked,
    name_of,
    read_name,
    read_table,
    read_url,
)
from agent.settings.foreign import find
from agent.settings.problems import BadSettings, is_folder, problems_of
from agent.settings.table import SETTINGS, Setting, Settings

FILE = "agent.toml"
DATABASE = "Database that the agent may ask."
ROWS = {row.name: row for row in SETTINGS}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``config``; a secret shows its length only."""

    name: str
    value: str
    source: str
    help: str


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that a start can use, with their story."""

    settings: Settings
    sources: dict[str, str]
    """Setting to where its value came from, such as ``environment AGENT_PORT``."""
    notes: tuple[str, ...] = ()
    """What was set and not used, one sentence each; worth a line at start."""

    def rows(self) -> list[Row]:
        """Return every setting as ``config`` prints it."""
        rows = [
            Row(
                name=row.name,
                value=row.show(getattr(self.settings, row.name)),
                source=self.sources[row.name],
                help=row.about.help,
            )
            for row in SETTINGS
        ]
        asked = ((f"{TABLE}.{name}", url) for name, url in self.settings.databases.items())
        return rows + [
            Row(name=name, value=masked(url), source=self.sources[name], help=DATABASE)
            for name, url in asked
        ]


class Given(msgspec.Struct, frozen=True):
    """One value as somebody wrote it."""

    value: object
    source: str
    base: Path
    """What a relative folder is relative to."""


class Reading:
    """Collects values, strongest last, and everything that is wrong with them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.problems: list[str] = []
        self.notes: list[str] = []

    def take(self, given: Mapping[str, Given]) -> None:
        """Read the values of one source."""
        given = dict(given)
        if table := given.pop(TABLE, None):
            self._databases(table)
        for name, one in given.items():
            row = ROWS.get(name)
            if row is None:
                self.problems.append(f"{one.source}: {name!r} is not a setting{_hint(name)}")
            else:
                self._take(row, one)

    def _databases(self, one: Given) -> None:
        """Take a table of databases; each of them replaces the one of its name."""
        try:
            table = read_table(one.value)
        except ValueError:
            self.problems.append(
                f'{TABLE}: expected a table, name = "URL", got'
                f" {type(one.value).__name__} from {one.source}; change it there"
            )
            return
        for name, url in table.items():
            self.database(name, msgspec.structs.replace(one, value=url))

    def database(self, name: str, one: Given) -> None:
        """Take one database."""
        try:
            proper = read_name(name)
            url = read_url(one.value, one.base)
        except ValueError:
            self.problems.append(
                f"{TABLE}.{name}: expected {EXPECTED}, got"
                f" {masked(one.value)!r} from {one.source}; change it there"
            )
            return
        self.values.setdefault(TABLE, {})[proper] = url
        self.sources[f"{TABLE}.{proper}"] = one.source

    def _take(self, row: Setting, one: Given) -> None:
        try:
            value = row.about.kind.read(one.value)
        except ValueError:
            self.problems.append(_unreadable(row, one))
            return
        self.values[row.name] = one.base / value if isinstance(value, Path) else value
        self.sources[row.name] = one.source


def load(argv_overrides: Mapping[str, object], environ: Mapping[str, str], cwd: Path) -> Loaded:
    """Read all sources.

    Args:
        argv_overrides: setting to value; ``None`` counts as not given.
        environ: the environment.
        cwd: the current folder, absolute.

    Raises:
        BadSettings: a value cannot be read, or a start with them would be unsafe.
    """
    reading = Reading()
    env, argv = _environment(environ, cwd), _command_line(argv_overrides, cwd)
    first = _file(cwd / FILE, reading)
    reading.take({**_default(cwd), **first})
    reading.take(_workspace_file({**first, **env, **argv}, cwd, reading))
    reading.take(env)
    for variable, url in from_environment(environ).items():
        one = Given(url, f"environment {variable}", cwd)
        reading.database(name_of(variable), one)
    reading.take(argv)
    _foreign(reading, environ, cwd)
    reading.notes.extend(_strangers(environ))
    return _finish(reading)


def _finish(reading: Reading) -> Loaded:
    if reading.problems:
        raise BadSettings(reading.problems)
    settings = Settings(**reading.values)
    if problems := problems_of(settings):
        raise BadSettings(problems)
    if settings.llm_base_url and not settings.llm_model:
        reading.notes.append(
            f"llm_model is not set, so {settings.llm_base_url} may refuse: set AGENT_LLM_MODEL "
            "or name a model in the graph"
        )
    sources = {**dict.fromkeys(ROWS, "default"), **reading.sources}
    return Loaded(settings=settings, sources=sources, notes=tuple(reading.notes))


def _default(cwd: Path) -> dict[str, Given]:
    """The one default that depends on where we are."""
    return {"data_dir": Given(ROWS["data_dir"].default, "default", cwd)}


def _environment(environ: Mapping[str, str], cwd: Path) -> dict[str, Given]:
    return {
        row.name: Given(environ[row.env], f"environment {row.env}", cwd)
        for row in SETTINGS
        if environ.get(row.env)
    }


def _command_line(overrides: Mapping[str, object], cwd: Path) -> dict[str, Given]:
    return {
        name: Given(value, f"command line {_flag(name)}", cwd)
        for name, value in overrides.items()
        if value is not None
    }


def _flag(name: str) -> str:
    return (ROWS[name].about.flag if name in ROWS else "") or f"--{name.replace('_', '-')}"


def _file(path: Path, reading: Reading) -> dict[str, Given]:
    if not path.is_file():
        return {}
    import tomllib

    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reading.problems.append(f"{path}: expected a TOML file that can be read, got: {error}")
        return {}
    return {name: Given(value, str(path), path.parent) for name, value in table.items()}


def _workspace_file(given: Mapping[str, Given], cwd: Path, reading: Reading) -> dict[str, Given]:
    """Read the workspace's file; it cannot name another workspace."""
    one = given.get("workspace")
    if one is None:
        return {}
    mine = Reading()
    mine.take({"workspace": one})
    folder = mine.values.get("workspace")
    if folder is None or not is_folder(folder) or folder.resolve() == cwd.resolve():
        return {}
    values = _file(folder / FILE, reading)
    if nested := values.pop("workspace", None):
        reading.problems.append(f"{nested.source}: a workspace cannot name a workspace; remove it")
    return values


def _foreign(reading: Reading, environ: Mapping[str, str], cwd: Path) -> None:
    found, notes = find(reading.values, environ)
    reading.take({one.name: Given(one.value, f"environment {one.env}", cwd) for one in found})
    reading.notes.extend(notes)


def _strangers(environ: Mapping[str, str]) -> Iterator[str]:
    """A misspelt variable would be silent otherwise; another program may own one, so no error."""
    known = {row.env for row in SETTINGS}
    for name in sorted(environ):
        own = name in known or name.startswith(PREFIX)
        if name.startswith("AGENT_") and not own:
            yield f"{name} is not a setting{_hint(name.removeprefix('AGENT_').lower(), 'AGENT_')}"


def _hint(name: str, prefix: str = "") -> str:
    near = get_close_matches(name, ROWS, n=1)
    if not near:
        return "; `python3 run.py config` lists them all"
    return f"; did you mean {f'{prefix}{near[0].upper()}' if prefix else near[0]!r}?"


def _unreadable(row: Setting, one: Given) -> str:
    """Say what was wrong without repeating a secret, or a password inside of an address."""
    if row.about.secret:
        came = f"a secret of {len(str(one.value))} characters"
    else:
        came = re.sub(r"//[^/@]*@", "//***@", repr(one.value))
    return (
        f"{row.name}: expected {row.about.kind.expected}, got {came} from {one.source}; "
        "change it there"
    )
