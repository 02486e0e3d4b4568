"""Writes what is made from the source: the page's wire types and the reference pages of ``docs/``.

Invariant: the files are functions of the source alone. They are committed, and a test compares
them, so an event cannot be added without its TypeScript and its documentation.
"""

import argparse
import ast
import inspect
import sys
import types
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
from msgspec import inspect as shapes

from agent.adapters.models import faults
from agent.adapters.stores import opening
from agent.core import errors, events
from agent.core.effects import Effect
from agent.core.events import Event, Fact, FrameTraced, Topic
from agent.core.frames import FrameRecord, FrameTrace
from agent.core.runs import Run
from agent.debugger.breakpoints import Breakpoint
from agent.settings.docs import settings_markdown
from agent.web import errors as web_errors, limits
from agent.web.debug import Debug
from agent.web.docs import http_markdown
from agent.web.forks import Fork, Forked

ROOT = Path(__file__).resolve().parent.parent
TYPES = Path("static/src/wire/types.gen.ts")
DOCS = Path("docs/events.md")
SETTINGS = Path("docs/settings.md")
HTTP = Path("docs/http.md")
ERRORS = Path("docs/errors.md")
TOOL_CODES = {
    "bad_arguments": "An argument is missing or of another shape; the detail names it.",
    "cancelled": "The call or its run was stopped; the detail says whether it has really ended.",
    "sql_error": "The database refused the statement; near names of tables and columns are told.",
    "sql_refused": "The guard does not let the statement through; the detail says what is allowed.",
    "sql_timeout": "The query used up its time and was ended.",
    "sql_unknown_database": "No database of that name is configured.",
    "tool_error": "A tool of the workspace raised; the detail is what it said.",
    "unknown_outcome": "The process ended while it was at work, and it was said to have failed.",
    "unknown_tool": "The node asked for a tool that does not exist.",
}
SOCKETS = {Topic.CHAT: "`/ws`", Topic.TRACE: "`/ws/trace`", Topic.TEST: "`/ws/test`"}
PLAIN: dict[type[shapes.Type], str] = {
    shapes.StrType: "string",
    shapes.IntType: "number",
    shapes.FloatType: "number",
    shapes.BoolType: "boolean",
    shapes.NoneType: "null",
    shapes.AnyType: "Json",
}


class SummaryRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One visit in a wire summary."""

    frame: int
    node: str
    visit: int
    started: float
    duration_ms: float
    input: str
    output: str
    route: str
    condition: str
    error: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Visits of a node that a wire summary does not list."""

    node: str
    visits: int


class TraceSummary(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What ``core.frames.summary`` gives: a test converts its result into this."""

    run_id: str
    kind: str
    channel: str
    message: str
    graph: str
    revision: str
    total_frames: int
    total_ms: float
    path: str
    outcome: str
    started: float
    tokens: int | None
    cost: float | None
    frames: tuple[SummaryRow, ...]
    post_frames: tuple[SummaryRow, ...]
    left_out: tuple[LeftOut, ...] = ()


class TypeScript:
    """Collects interfaces while type expressions are asked for."""

    def __init__(self) -> None:
        self.interfaces: dict[str, str] = {}

    def expression(self, shape: shapes.Type) -> str:
        """Return the TypeScript expression for ``shape``, noting every struct in it."""
        match shape:
            case shapes.Metadata():
                return self.expression(shape.type)
            case shapes.LiteralType():
                return " | ".join(_quoted(value) for value in sorted(shape.values, key=str))
            case shapes.EnumType():
                return " | ".join(_quoted(member.value) for member in shape.cls)
            case shapes.UnionType():
                return " | ".join(self.expression(part) for part in shape.types)
            case shapes.ListType() | shapes.VarTupleType() | shapes.SetType():
                return f"readonly {_grouped(self.expression(shape.item_type))}[]"
            case shapes.DictType():
                return f"Readonly<Record<string, {self.expression(shape.value_type)}>>"
            case shapes.StructType():
                return self._struct(shape)
            case _ if type(shape) in PLAIN:
                return PLAIN[type(shape)]
            case _:
                raise TypeError(f"expected a type the wire knows, got {shape!r}: teach TypeScript")

    def _struct(self, shape: shapes.StructType) -> str:
        name = shape.cls.__name__
        if name not in self.interfaces:
            self.interfaces[name] = ""
            self.interfaces[name] = self._interface(name, shape)
        return name

    def _interface(self, name: str, shape: shapes.StructType) -> str:
        if shape.array_like:
            items = (f"{f.name}: {self.expression(f.type)}" for f in shape.fields)
            return f"export type {name} = readonly [{', '.join(items)}];"
        lines = [f"  readonly {shape.tag_field}: {_quoted(shape.tag)};"] if shape.tag_field else []
        omits = shape.cls.__struct_config__.omit_defaults
        for field in shape.fields:
            optional = "?" if omits and not field.required else ""
            kind = "TraceSummary" if _is_summary(shape, field) else self.expression(field.type)
            lines.append(f"  readonly {field.encode_name}{optional}: {kind};")
        about = (inspect.getdoc(shape.cls) or "").splitlines()[0].replace("``", "`")
        return f"/** {about} */\nexport interface {name} {{\n" + "\n".join(lines) + "\n}"


def _is_summary(shape: shapes.StructType, field: shapes.Field) -> bool:
    return shape.cls is FrameTraced and field.name == "trace"


def _quoted(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _grouped(expression: str) -> str:
    return f"({expression})" if " | " in expression else expression


def typescript() -> str:
    """Return the text of ``types.gen.ts``."""
    written = TypeScript()
    union = written.expression(shapes.type_info(Event))
    for root in (
        TraceSummary,
        FrameTrace,
        FrameRecord,
        Effect,
        Run,
        Breakpoint,
        Debug,
        Fork,
        Forked,
    ):
        written.expression(shapes.type_info(root))
    head = "// Generated by `python3 -m agent.generate` from agent/core. Do not edit.\n"
    alias = "/** A JSON value whose shape only its owner knows. */\nexport type Json = unknown;"
    parts = [alias, *written.interfaces.values()]
    parts.append(
        "/** Every fact that leaves the process; discriminated by `event`. */\n"
        "export type Event =\n  | " + "\n  | ".join(union.split(" | ")) + ";"
    )
    return head + "\n" + "\n\n".join(parts) + "\n"


def members() -> tuple[type[Fact], ...]:
    """Return the structs of the event union, in declared order."""
    return cast("tuple[type[Fact], ...]", get_args(Event))


def documentation() -> str:
    """Return the text of ``docs/events.md``."""
    about = _field_docs(events)
    facts = members()
    shared = "\n".join(_rows(shapes.type_info(Fact), about.get("Fact", {}), set()))
    head = f"""# Events

Generated by `python3 -m agent.generate` from `agent/core/events.py`.

Every fact that leaves the process is one of these {len(facts)} events. On `/ws/trace` and
`/api/events` each is one flat JSON object: `seq` (its place in the one order everything happens
in), `ts` (Unix milliseconds), the shared fields below, and its own. Fields that have their default
value are left out. A reader that fell behind gets `{{"event": "gap", "seq", "from", "to"}}` first.

| shared field | type | default | meaning |
|---|---|---|---|
| `event` | string | | name of the event |
{shared}

| event | read on | says |
|---|---|---|
"""
    table = "\n".join(
        f"| [`{_tag(fact)}`](#{_tag(fact)}) | {_readers(fact)} | {_about(fact)} |" for fact in facts
    )
    return head + table + "\n" + "".join(_section(fact, about) for fact in facts)


def _section(fact: type[Fact], about: dict[str, dict[str, str]]) -> str:
    known = {field.name for field in msgspec.structs.fields(Fact)}
    rows = list(_rows(shapes.type_info(fact), about.get(fact.__name__, {}), known))
    text = f"\n## {_tag(fact)}\n\n{_about(fact)} Read on {_readers(fact)}.\n"
    if not rows:
        return text
    return (
        text
        + "\n| field | type | default | meaning |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _rows(shape: shapes.Type, about: dict[str, str], skip: set[str]) -> Iterator[str]:
    for field in cast("shapes.StructType", shape).fields:
        if field.name in skip:
            continue
        kind = "summary of the trace" if field.name == "trace" else _plain(field.type)
        default = "" if field.required else f"`{_quoted(field.default)}`"
        yield f"| `{field.encode_name}` | {kind} | {default} | {about.get(field.name, '')} |"


def _plain(shape: shapes.Type) -> str:
    expression = TypeScript().expression(shape).replace("readonly ", "")
    return expression.replace(" | ", " or ").replace("Json", "any JSON")


def _tag(fact: type[Fact]) -> str:
    return str(fact.__struct_config__.tag)


def _about(fact: type[object]) -> str:
    return " ".join((inspect.getdoc(fact) or "").split()).replace("``", "`")


def _readers(fact: type[Fact]) -> str:
    return ", ".join(name for topic, name in SOCKETS.items() if topic in fact.topics)


def errors_markdown() -> str:
    """Return the text of ``docs/errors.md``."""
    tree = (errors.__doc__ or "").partition("\n\n")[2].strip()
    known = [*_kinds(errors), *_kinds(opening), *_kinds(web_errors), *_kinds(limits)]
    rows = "\n".join(
        f"| `{kind.slug}` | {kind.status} | {_about(kind)} |"
        for kind in sorted(known, key=lambda kind: (kind.status, kind.slug))
    )
    tools = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in sorted(TOOL_CODES.items()))
    return f"""# Errors

Generated by `python3 -m agent.generate` from the error classes.

Every answer that is not a success is `{{"detail": text, "error": name}}`: the detail says what was
expected, what came and what to do next; the name is one of this table and stays the same.

| error | status | meaning |
|---|---|---|
{rows}
| `internal` | 500 | A defect of the server; its log has the traceback. |
| `method_not_allowed` | 405 | The path exists, the method does not; `Allow` lists those that do. |

Answers with `overloaded` and `disk_full` carry `Retry-After`. `newer_schema` and `unreadable_store`
end a start. A socket answers a wrong message with
`{{"type": "error", "detail", "error"}}` and stays open; one that was asked for wrongly closes with
1008, one without a good credential with 4001.

```text
{tree}
```

## Failed model calls

The code stands in the effect's `error`; frame and run say `model_failed` with the same detail. A
call is tried again only while nothing of its answer was heard, and only where the last column says
so.

| code | what to do | tried again |
|---|---|---|
{_fault_rows()}

## Failed tool calls

The node is told and may go on.

| code | meaning |
|---|---|
{tools}
"""


def _kinds(module: types.ModuleType) -> list[type[errors.AgentError]]:
    return [
        found
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, errors.AgentError)
        and found.__module__ == module.__name__
        and found is not errors.AgentError
    ]


def _fault_rows() -> str:
    kinds = [kind for kind in vars(faults).values() if isinstance(kind, faults.Kind)]
    return "\n".join(
        f"| `{kind.code}` | {kind.advice} | {'yes' if kind.again else 'no'} |"
        for kind in sorted(kinds, key=lambda kind: (kind.code, not kind.again))
    )


def _field_docs(module: types.ModuleType) -> dict[str, dict[str, str]]:
    """Read the strings under the fields, which no run-time object keeps."""
    tree = ast.parse(inspect.getsource(module))
    return {
        node.name: dict(_documented(node.body))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(doc))
            ):
                yield name, " ".join(doc.split()).replace("``", "`")
            case _:
                continue


def main(check: bool = False) -> int:
    """Write the files; with ``check`` only compare, and return 1 when one is out of date."""
    stale: list[Path] = []
    files = (
        (TYPES, typescript()),
        (DOCS, documentation()),
        (SETTINGS, settings_markdown()),
        (HTTP, http_markdown()),
        (ERRORS, errors_markdown()),
    )
    for path, text in files:
        target = ROOT / path
        if target.is_file() and target.read_text("utf-8") == text:
            continue
        stale.append(path)
        if not check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
    _report(stale, check=check)
    return 1 if check and stale else 0


def _report(stale: Iterable[Path], *, check: bool) -> None:
    for path in stale:
        word = "is out of date: run python3 -m agent.generate" if check else "written"
        sys.stderr.write(f"{path} {word}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python3 -m agent.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    sys.exit(main(check=cast("Any", parser.parse_args()).check))
