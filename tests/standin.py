"""The built-in model in the place of a real one: on a real socket, with the habits of real models.

What it answers is what the built-in model answers; how it is said, refused or cut is the habit. As a
model does, it reads what the prompt tells in words: tools, a schema, the correction of an answer.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from upstream import DONE, Act, Line, delta, event, problem, streams, whole

from agent.adapters.models.builtin.mind import Reply, think
from agent.core.json import Json

PIECE = 11
"""Characters in a chunk: every tag and most names are cut."""
THOUGHT = 'Let me see. {"expert": "none"} would be wrong, wouldn\'t it? So: { first.\n\n'
CORRECTION = "That was not valid: "
_TOOLS = re.compile(r"\n*You can call these tools[^\n]*\n(.*?)\n\n.*<tool_call>\.$", re.DOTALL)
_SCHEMA = re.compile(
    r"\n*Answer with one JSON object that matches this JSON schema:\n(\{.*\})$", re.DOTALL
)
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_RESULT = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


@dataclass(frozen=True)
class Habit:
    """How a server and its model are; the default is as the protocol has it."""

    before: str = ""
    """Written before every answer."""
    apart: str = ""
    """Sent as reasoning before every answer."""
    wrap: str = "{}"
    """Stands around JSON."""
    first: Callable[[str], str] | None = None
    """What becomes of JSON at the first try."""
    call: str = ""
    """How a tool call is written, where it is written as text."""
    formats: tuple[str, ...] = ("json_schema", "json_object")
    """Response formats that are taken."""
    tools: bool = True
    """Whether tools are taken."""
    streamed: bool = True
    faults: tuple[Act, ...] = ()
    """Every fourth request comes to one of them when it is first made."""
    usage: Json = None
    """Told at the end of every stream."""
    declines: re.Pattern[str] | None = None
    """Messages that it declines to answer in words."""


@dataclass
class StandIn:
    """A server's act that answers every request."""

    habit: Habit
    requests: int = 0
    calls_in_words: int = 0
    met: set[str] = field(default_factory=set)

    async def __call__(self, line: Line) -> None:
        self.requests += 1
        faults, asked = self.habit.faults, json.dumps(line.request.body)
        if asked not in self.met:
            self.met.add(asked)
            number, rest = divmod(len(self.met), 4)
            if faults and not rest:
                await faults[number % len(faults)](line)
                return
        await self._answer(line.request.body)(line)

    def _answer(self, body: Json) -> Act:
        habit, wanted = self.habit, (body.get("response_format") or {}).get("type")
        if wanted and wanted not in habit.formats:
            return whole(400, problem(f"response_format.type: {wanted!r} is not supported"))
        if "tools" in body and not habit.tools:
            return whole(400, problem("this model does not support tools"))
        understood = _read(body)
        reply = think(understood)
        shaped = "response_format" in understood
        if habit.declines and not shaped and habit.declines.search(body["messages"][-1]["content"]):
            return _sent(
                [delta(refusal="I can't help with that.")], "stop", streamed=habit.streamed
            )
        text = reply.text
        if shaped:
            corrected = body["messages"][-1]["content"].startswith(CORRECTION)
            text = text if corrected or not habit.first else habit.first(text)
            text = habit.wrap.replace("{}", text)
        return self._said(text, reply)

    def _said(self, text: str, reply: Reply) -> Act:
        habit = self.habit
        if reply.calls and (habit.call or not habit.tools):
            how = habit.call or "<tool_call>{}</tool_call>"
            told = ({"name": call.name, "arguments": call.arguments} for call in reply.calls)
            self.calls_in_words += len(reply.calls)
            text, reply = "\n".join(how.replace("{}", json.dumps(c)) for c in told), Reply()
        text = habit.before + text
        deltas = [delta(reasoning_content=piece) for piece in _pieces(habit.apart)]
        deltas += [delta(content=piece) for piece in _pieces(text)]
        for place, call in enumerate(reply.calls):
            function = {"name": call.name, "arguments": json.dumps(call.arguments)}
            deltas.append(
                delta(tool_calls=[{"index": place, "id": f"c{place}", "function": function}])
            )
        if habit.usage:
            deltas.append({"choices": [], "usage": habit.usage})
        return _sent(deltas, "tool_calls" if reply.calls else "stop", streamed=habit.streamed)


def _pieces(text: str) -> list[str]:
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


def _sent(deltas: list[Json], finish: str, *, streamed: bool) -> Act:
    if streamed:
        return streams(*map(event, deltas), event(delta(finish)), DONE)
    message: dict[str, Json] = {"content": ""}
    for entry in deltas:
        for key, value in entry["choices"][0]["delta"].items():
            message[key] = message[key] + value if key in message else value
    return whole(200, {"model": "m-1", "choices": [{"message": message, "finish_reason": finish}]})


# What a model reads in its prompt


def _read(body: Json) -> Json:
    """Return the request with what is told in words where the protocol has it."""
    read = {**body, "messages": [*_turns(body["messages"])]}
    if read["messages"][-1]["content"].startswith(CORRECTION):
        del read["messages"][-2:]
    first = {**read["messages"][0]}
    if told := _SCHEMA.search(first["content"]):
        first["content"] = first["content"][: told.start()]
        schema = {"name": "Told", "schema": json.loads(told[1])}
        read["response_format"] = {"type": "json_schema", "json_schema": schema}
    if told := _TOOLS.search(first["content"]):
        first["content"] = first["content"][: told.start()]
        functions = map(json.loads, told[1].splitlines())
        read["tools"] = [{"type": "function", "function": function} for function in functions]
    read["messages"][0] = first
    return read


def _turns(messages: list[Json]) -> Iterator[Json]:
    numbers, results = itertools.count(), itertools.count()
    for message in messages:
        content = message.get("content") or ""
        calls, brought = _CALL.findall(content), _RESULT.findall(content)
        if message["role"] == "assistant" and calls:
            made = [
                {
                    "id": f"t{next(numbers)}",
                    "function": {**call, "arguments": json.dumps(call["arguments"])},
                }
                for call in map(json.loads, calls)
            ]
            yield {"role": "assistant", "content": None, "tool_calls": made}
        elif message["role"] == "user" and brought:
            for result in brought:
                yield {"role": "tool", "tool_call_id": f"t{next(results)}", "content": result}
            if rest := _RESULT.sub("", content).strip():
                yield {"role": "user", "content": rest}
        else:
            yield {**message, "content": content}


def _broken(text: str) -> str:
    return text[:-1]


def _wrong(text: str) -> str:
    return json.dumps({"answer": json.loads(text)})


THINKS = f"<think>\n{THOUGHT}</think>\n\n"
HABITS: dict[str, Habit] = {
    "none": Habit(),
    "one piece": Habit(streamed=False),
    "prose and fences": Habit(wrap="Sure, {user}! Here it is:\n```json\n{}\n```\nAnything else?"),
    "a wrong object first": Habit(wrap='Not {"goal": 7}, but:\n{}'),
    "thinks": Habit(before=THINKS),
    "thinks apart": Habit(apart=THOUGHT),
    "begins inside its thought": Habit(before=THOUGHT + "</think>\n\n"),
    "broken JSON at first": Habit(first=_broken),
    "another shape at first": Habit(first=_wrong),
    "calls in a fence": Habit(call="```json\n{}\n```"),
    "calls in tags": Habit(call="<tool_call>\n{}\n</tool_call>"),
    "calls after prose": Habit(call="I will call this:\n{}"),
    "json_object only": Habit(formats=("json_object",)),
    "no response_format": Habit(formats=()),
    "no tools": Habit(tools=False),
    "cut and busy": Habit(
        faults=(
            streams(b": wait\n\n", then="cut"),
            whole(503, {"detail": "loading"}),
            streams(event(delta(content=THINKS[:9])), then="cut"),
        )
    ),
}
HABITS["all at once"] = replace(
    HABITS["prose and fences"],
    before=THINKS,
    first=_broken,
    formats=(),
    tools=False,
    faults=HABITS["cut and busy"].faults,
)
