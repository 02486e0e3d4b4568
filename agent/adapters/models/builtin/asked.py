"""A request as it is read: what the user said, what the prompt tells, which tools there are.

JSON is found wherever it stands in a prompt, so the words around it do not matter. Paragraphs are
read once and remembered, because most of a prompt is the same in every request.
"""

import re
from functools import cached_property, lru_cache
from json import JSONDecoder

import msgspec

from agent.adapters.models.builtin.tables import Schema, schema_of, tables_in
from agent.core.json import NOTHING, Json, fields, items

CLICK = re.compile(r"^\W*(?:clicked|pressed|geklickt|gedrückt)[: ]+(.*?)\W*$", re.IGNORECASE)
_ERROR = re.compile(r"\berror\b|_error\b|\bfailed\b", re.IGNORECASE)
_DECODER = JSONDecoder()


class Said(msgspec.Struct, frozen=True):
    """One turn of the conversation."""

    role: str
    text: str


class Outcome(msgspec.Struct, frozen=True):
    """A tool call that was made in this turn, and what came back."""

    name: str
    arguments: Json
    text: str

    @property
    def failed(self) -> bool:
        """Whether it came back as an error."""
        return self.text.lower().startswith(("error", "fehler"))


class Signature(msgspec.Struct, frozen=True):
    """A tool that may be used."""

    name: str
    description: str
    parameters: Json


class Asked:
    """One chat-completions request.

    Args:
        body: the decoded request.
    """

    def __init__(self, body: Json) -> None:
        self.body = body
        self.prompt = ""
        self.turns: list[Said] = []
        self.outcomes: list[Outcome] = []
        self.model = str(fields(body).get("model") or "builtin")
        self._read()

    def _read(self) -> None:
        prompts: list[str] = []
        calls: dict[str, tuple[str, Json]] = {}
        for message in items(fields(self.body).get("messages")):
            role, text = message.get("role"), _text(message.get("content"))
            if role in ("system", "developer"):
                prompts.append(text)
            elif role == "tool":
                name, arguments = calls.get(message.get("tool_call_id"), ("", None))
                self.outcomes.append(Outcome(name, arguments, text))
            else:
                if role == "user":
                    self.outcomes.clear()
                for call in items(message.get("tool_calls")):
                    asked = fields(call.get("function"))
                    calls[call.get("id")] = (asked.get("name", ""), asked.get("arguments"))
                if text:
                    self.turns.append(Said(str(role), text))
        self.prompt = "\n\n".join(prompts)

    @cached_property
    def raw(self) -> str:
        """What the user said last, as it stands."""
        last = next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")
        return last.strip()

    @cached_property
    def said(self) -> str:
        """What the user said last; a click counts as its label."""
        clicked = CLICK.match(self.raw)
        return (clicked[1] if clicked else self.raw).strip()

    @cached_property
    def before(self) -> list[Said]:
        """The turns before that."""
        last = max((n for n, turn in enumerate(self.turns) if turn.role == "user"), default=0)
        return self.turns[:last]

    @cached_property
    def schema(self) -> Schema:
        """The tables that the prompt describes."""
        blocks = tuple(block for block in self._blocks if tables_in(block))
        return schema_of(blocks)

    @cached_property
    def objects(self) -> tuple[Json, ...]:
        """Every JSON object and list in the prompt, in order."""
        return tuple(value for block in self._blocks for value in _values_in(block))

    @cached_property
    def shape(self) -> Json:
        """The JSON schema the answer must follow, or ``None``."""
        wanted = fields(fields(self.body).get("response_format"))
        return fields(wanted.get("json_schema")).get("schema") or None

    @cached_property
    def offered(self) -> tuple[Signature, ...]:
        """Tools that may be called."""
        specs = [fields(spec.get("function")) for spec in items(fields(self.body).get("tools"))]
        return tuple(_signature(spec) for spec in specs)

    @cached_property
    def tools(self) -> tuple[Signature, ...]:
        """Tools that may be called, else those that the prompt tells of."""
        told = [o for o in self.objects if "parameters" in fields(o) and "name" in fields(o)]
        return self.offered or tuple(_signature(spec) for spec in told)

    def find(self, *keys: str) -> Json:
        """Return the first object of the prompt that has all ``keys``, else an empty one."""
        found = (o for o in self.objects if all(key in fields(o) for key in keys))
        return next(found, NOTHING)

    @cached_property
    def errors(self) -> tuple[str, ...]:
        """What went wrong so far, as tools answered or as the prompt tells."""
        failed = [outcome.text for outcome in self.outcomes if outcome.failed]
        told = [text for value in self.objects for text in items(value) if isinstance(text, str)]
        return (*failed, *(text for text in told if _ERROR.search(text)))

    @cached_property
    def _blocks(self) -> tuple[str, ...]:
        return tuple(self.prompt.split("\n\n"))


def _signature(spec: Json) -> Signature:
    return Signature(
        str(spec.get("name", "")), str(spec.get("description", "")), spec.get("parameters")
    )


def _text(content: Json) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(fields(part).get("text", "")) for part in items(content))


@lru_cache(1024)
def _values_in(block: str) -> tuple[Json, ...]:
    found: list[Json] = []
    place = 0
    while True:
        start = min(
            (p for p in (block.find("{", place), block.find("[", place)) if p >= 0), default=-1
        )
        if start < 0:
            return tuple(found)
        try:
            value, place = _DECODER.raw_decode(block, start)
        except ValueError:
            place = start + 1
        else:
            found.append(value)
