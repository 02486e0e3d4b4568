"""The documentation says what the program does: its links, names and examples are checked here."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, get_args

import click
import httpx
import msgspec
import pytest
from click.testing import CliRunner

from agent import app, generate
from agent.cli import main
from agent.core import controls
from agent.core.errors import AgentError
from agent.core.messages import ModelReply, ModelRequest
from agent.core.state import apply, at, fresh
from agent.debugger import conditions
from agent.debugger.breakpoints import Breakpoint, On, Watch
from agent.debugger.conditions import NAMES, Condition
from agent.engine.context import Context
from agent.settings.table import SETTINGS
from agent.web.routes import ENDPOINTS, SOCKETS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("nginx/*.md")])
PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
RUN = "python3 run.py"


class Block(NamedTuple):
    """A fenced block."""

    lang: str
    role: str
    """What stands behind the language, such as a file name."""
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    found = re.finditer(r"^```(\w*)([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(m[1], m[2].strip(), m[3], text.count("\n", 0, m.start()) + 1) for m in found]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def slugs(page: Path) -> set[str]:
    """The anchors that headings get."""
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


# What the pages point at


@PAGE
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        assert file.is_relative_to(ROOT), f"{page.name}: {target} leaves the project"
        if anchor:
            assert anchor in slugs(file), f"{page.name}: no heading for {target}"


@PAGE
def test_every_command_exists_and_takes_its_options(page):
    for line in page.read_text("utf-8").splitlines():
        for used in re.findall(rf"{RUN}((?: +[^\s`|;&]+)*)", line):
            command: click.Command = main
            for word in used.split():
                if word.startswith("--"):
                    option = word.partition("=")[0].rstrip(".,:)")
                    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
                    serve = {name for p in main.commands["serve"].params for name in p.opts}
                    assert option in known | {"--help"} | (serve if command is main else set()), (
                        line
                    )
                elif command is main and re.fullmatch(r"[a-z]+[.,:)]?", word):
                    name = word.rstrip(".,:)")
                    assert name in main.commands, f"{page.name}: no command {name!r}: {line}"
                    command = main.commands[name]
                else:
                    break


@PAGE
def test_every_setting_variable_exists(page):
    known = {"AGENT_DB_ERAS", *(row.env for row in SETTINGS)}
    for name in re.findall(r"\bAGENT_[A-Z_]*[A-Z]\b(?!\*)(?!_\*)", page.read_text("utf-8")):
        assert name in known, f"{page.name}: {name}"


@PAGE
def test_every_path_of_the_server_exists(page):
    known = [re.sub(r"\{[^}]+\}", "[^/]+", e.path) for e in ENDPOINTS] + [*SOCKETS]
    text = page.read_text("utf-8")
    for path in re.findall(r"(?<![\w./*-])/(?:api|auth|probes|ws)\b[\w/{}.<>$-]*", text):
        bare = path.rstrip("./")
        assert any(re.fullmatch(pattern, bare) for pattern in known), f"{page.name}: {path}"


# What the pages show


@PAGE
def test_every_block_can_be_read(page):
    for block in blocks(page):
        try:
            read(block)
        except (SyntaxError, ValueError) as error:
            pytest.fail(f"{page.name}:{block.line}: {error}", pytrace=False)


def read(block: Block) -> None:
    match block.lang:
        case "python":
            ast.parse(block.text)
        case "toml":
            tomllib.loads(block.text)
        case "json":
            json.loads(block.text)
        case "bash" | "sh":
            done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
            if done.returncode:
                raise ValueError(done.stderr)
        case "console" | "text" | "markdown":
            pass
        case lang:
            raise ValueError(f"a block of {lang!r}, which nobody checks")


# What is written from the source


def test_the_generated_pages_are_current():
    assert generate.main(check=True) == 0


def test_every_error_class_of_the_server_is_documented():
    page = (ROOT / generate.ERRORS).read_text("utf-8")
    for kind in subclasses(AgentError):
        if kind.__module__.startswith("agent.") and kind.__module__ != "agent.client":
            assert f"| `{kind.slug}` | {kind.status} |" in page, kind


def subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_code_of_a_failed_tool_call_is_documented():
    sources = [path.read_text("utf-8") for path in (ROOT / "agent").rglob("*.py")]
    raised = {
        node.args[0].value
        for source in sources
        if "ToolFailed(" in source
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "ToolFailed"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert raised == set(generate.TOOL_CODES)


def test_every_setting_has_its_line():
    page = (ROOT / generate.SETTINGS).read_text("utf-8")
    for row in SETTINGS:
        assert f"| `{row.name}` | `{row.env}` |" in page


# Write your first node


NODE_PAGE = ROOT / "docs" / "write-a-node.md"
CONTROLS_PAGE = ROOT / "docs" / "controls.md"


def test_the_page_names_all_that_a_context_offers_and_nothing_else():
    named = set(re.findall(r"\bctx\.(\w+)", prose(NODE_PAGE)))
    offered = {name for name in dir(Context) if not name.startswith("_")}
    assert named == offered


class Parrot:
    """A model that says one thing."""

    default_model = "parrot"
    label = "a parrot"

    def __init__(self) -> None:
        self.asked: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelReply:
        self.asked.append(request)
        on_text("Twenty-nine it is.")
        return ModelReply(text="Twenty-nine it is.")

    async def aclose(self) -> None:
        return


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Path:
    """The workspace of the page, with its variables set."""
    folder = tmp_path / "desk"
    found = blocks(NODE_PAGE)
    (folders,) = [block.text for block in found if block.lang == "bash"]
    agent = f'python3() {{ shift; {shlex.quote(sys.executable)} -m agent "$@"; }}\n'
    env = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run(["bash", "-ec", agent + folders], env=env, check=True, capture_output=True)
    for block in found:
        if re.fullmatch(r"(graphs|nodes|prompts|tools)/\S+", block.role):
            (folder / block.role).write_text(block.text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENT_WORKSPACE", str(folder))
    monkeypatch.setenv("AGENT_DATA_DIR", str(folder / "data"))
    return folder


@pytest.fixture
def parrot(monkeypatch) -> Parrot:
    model = Parrot()
    monkeypatch.setattr(app, "model_of", lambda _settings: model)
    return model


def told(command: str) -> str:
    """Run a line of a console block and return what it printed."""
    if not command.startswith(RUN):
        done = subprocess.run(["bash", "-ec", command], env=os.environ, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()
    done = CliRunner().invoke(main, shlex.split(command.removeprefix(RUN)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


@pytest.mark.slow
def test_the_console_of_the_page_is_what_happens(workspace, parrot):
    for block in blocks(NODE_PAGE):
        if block.lang == "console":
            for said in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, expected = said.partition("\n")
                assert told(command) == expected, command


@pytest.mark.slow
def test_the_model_of_the_page_is_given_the_prompt(workspace, parrot):
    told(f"{RUN} switch words")
    assert told(f"{RUN} send 'how many customers are in Leipzig?'") == "Twenty-nine it is.\n"
    (request,) = parrot.asked
    assert "29 customers live in\nLeipzig" in request.messages[0]["content"]
    assert request.temperature == 0.2
    assert told(f"{RUN} replay msg_1").startswith("exact 2/2")


@pytest.mark.slow
def test_the_node_that_reads_the_clock_is_refused_as_the_page_says(workspace, parrot):
    late, message = [block for block in blocks(NODE_PAGE) if block.role.startswith("refused")]
    path = workspace / late.role.removeprefix("refused ")
    path.write_text(late.text, "utf-8")
    told_by = told(f"{RUN} switch cities")
    assert f"{workspace}/{message.text.strip()}" in told_by


# The README


README = ROOT / "README.md"
CURL = r"^c\(\) .*$"


def test_the_table_of_commands_is_complete():
    named = re.findall(rf"^\| `{RUN} ([a-z-]+)", README.read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(main.commands)


def test_the_picture_is_small():
    assert (ROOT / "docs" / "images" / "page.png").stat().st_size < 300_000


class Tour:
    """A folder, a server in it, and the lines of the README run there as they stand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **os.environ, "PYTHONPATH": str(ROOT), "AGENT_PORT": "0", "AGENT_BROWSER": "false"
        }  # fmt: skip
        (curl,) = re.findall(CURL, README.read_text("utf-8"), re.MULTILINE)
        python = shlex.quote(sys.executable)
        self.prelude = f'{curl}\npython3() {{ shift; {python} -m agent "$@"; }}\n'
        self.url = ""

    @contextmanager
    def server(self, command: str) -> Generator[None]:
        paced = dict(re.findall(r"(AGENT_\w+)=(\S+)", command))
        process = subprocess.Popen(
            [sys.executable, "-m", "agent"],
            cwd=self.folder, env={**self.env, **paced}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            told = "".join(process.stdout.readline() for _ in range(5))
            self.url = re.findall(r"http://127\.0\.0\.1:\d+", told)[0]
            with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
                assert client.get(f"{self.url}/health").json() == {"status": "ok"}
            yield
        finally:
            process.kill()
            process.communicate(timeout=20)

    def run(self, lines: str) -> str:
        script = self.prelude + lines.replace("http://127.0.0.1:8000", self.url)
        done = subprocess.run(
            ["bash", "-euc", script], cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.mark.slow
def test_the_five_minutes_of_the_readme(tmp_path):
    tour = Tour(tmp_path)
    found = [block for block in blocks(README) if block.role.startswith("tour")]
    (start,) = [block.text for block in found if block.role == "tour start"]
    (again,) = [block.text for block in found if block.role == "tour restart"]
    talk, look, replay, what_if, kill = [block.text for block in found if block.role == "tour"]
    with tour.server(start):
        said = tour.run(talk)
        assert "There are 29 customers in Leipzig" in said.replace("*", "")
        assert all(node in said for node in ("input", "pa", "expert_eras", "memorizer"))
        shown = [json.loads(line) for line in re.split(r"(?<=})(?={)", tour.run(look))]
        assert shown[0]["last_trace"]["total_frames"] == 4
        assert shown[1]["response"] in said
        assert shown[2]["status"] == "queued"
        assert shown[3]["status"] in ("running", "done")
        command, expected = replay.removeprefix("$ ").split("\n", 1)
        assert tour.run(command) == expected
        told = tour.run(what_if)
        assert "dry run    3 of 5 node visits dirty, 3 model calls" in told
        assert re.search(r"(\d+)/\1 checks passed", told)
        tour.run(kill)
    with tour.server(start):
        runs = tour.run(again)
        ended = re.findall(r"interrupted|done|queued|running", runs)
        assert sorted(ended) == ["done"] * 7 + ["interrupted"], runs
        assert ended[0] == "done", runs


def test_the_page_of_controls_shows_what_is_really_kept():
    found = re.findall(r"```json (\w+)\n(.+?)```", CONTROLS_PAGE.read_text("utf-8"), re.DOTALL)
    given, kept = found[::2], found[1::2]
    assert [tool for tool, _ in given] == ["emit_actions", "emit_display", "create_machine"]
    names = {"emit_actions": "actions", "emit_display": "items"}
    for (tool, arguments), (_, expected) in zip(given, kept, strict=True):
        value = json.loads(arguments)
        ui = fresh("ada")["ui"]
        _, changes = controls.run(tool, {names[tool]: value} if tool in names else value, ui)
        shown = controls.current(at(apply({"ui": ui}, changes), "ui"))
        assert shown == json.loads(expected), tool


# The debugger


DEBUGGER_PAGE = ROOT / "docs" / "debugger.md"


def shown_as(role: str) -> str:
    (text,) = [block.text for block in blocks(DEBUGGER_PAGE) if block.role == role]
    return text


def test_the_breakpoints_and_conditions_of_the_page_are_accepted():
    rows = json.loads(shown_as("breakpoints"))
    kept = Watch(msgspec.convert(rows, list[Breakpoint])).breakpoints
    assert {one.on for one in kept} - {None} == set(get_args(On))
    for line in shown_as("conditions").splitlines():
        Condition(line)
    section = DEBUGGER_PAGE.read_text("utf-8").split("### Conditions")[1].split("###")[0]
    named = re.findall(r"^\| ((?:`[a-z_]+`\s)+)\|", section, re.MULTILINE)
    told = {name for names in named for name in re.findall(r"`(\w+)`", names)}
    assert told == {*NAMES}


def test_the_grammar_of_the_page_is_that_of_the_code():
    rules = re.findall(r"^    (\w+ = .+)$", DEBUGGER_PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(rules) == 6
    for rule in rules:
        assert rule in str(conditions.__doc__), rule


@pytest.mark.slow
def test_the_held_run_of_the_page_happens(tmp_path):
    first, send, *rest = re.findall(r"^\$ (.+)$", shown_as("held"), re.MULTILINE)
    tour = Tour(tmp_path)
    with tour.server("python3 run.py"):
        assert "on tool" in tour.run(first)
        waiting = f"{send}\nuntil {RUN} debug --json > held.json; do sleep 0.1; done\n"
        said = tour.run(f"exec 2> told.txt\n{waiting}{chr(10).join(rest)}\nwait")
        assert json.loads((tmp_path / "held.json").read_text())["tool"]["name"] == "query_db"
        assert said.endswith("There are 4711 customers in Leipzig.\n"), said
        assert (
            "it is held; look and go on: python3 run.py debug"
            in (tmp_path / "told.txt").read_text()
        )
        assert tour.run(f"{RUN} replay msg_1").startswith("exact")
