"""A runtime on v3-framed whose model and tool are scripts, and the proof that nobody asks them."""

import json
import socket

import pytest
from rig import FunctionTool, ScriptedModel, runtime

from agent.core.messages import ModelReply, ToolCall
from agent.nodes.catalog import NODES
from agent.runtime.library import Library
from agent.runtime.workspace import shipped

SQL = {"query": "SELECT count(*) FROM kunden", "database": "eras"}
PLANS = {
    "set it": [{"tool": "set_state", "args": {"key": "n", "value": 3}}],
    "how many": [{"tool": "query_db", "args": SQL}],
}
PATHS = {"hi": ("reflex", 2), "set it": ("director", 4), "how many": ("director+interpreter", 5)}


def v3(request):
    """What a model might answer in each place of v3-framed."""
    text = request.messages[-1]["content"]
    asked = request.messages[-1]["content"] if request.messages[-1]["role"] == "user" else ""
    shape = (request.response_format or {}).get("json_schema", {}).get("name")
    if shape == "Perception":
        social = text == "hi"
        return json.dumps({
            "who": "user", "language": "en", "intent": "social" if social else "request", "topic": "t",
            "tone": "casual", "complexity": "trivial" if social else "simple", "context": "",
        })  # fmt: skip
    if shape == "Plan":
        return json.dumps(
            {"goal": "g", "steps": [], "tool_sequence": PLANS[text], "answer_hint": ""}
        )
    if shape == "Interpretation":
        return json.dumps(
            {"summary": "240 of them", "row_count": 1, "key_facts": ["240"], "confidence": "high"}
        )
    if shape == "Distilled":
        return json.dumps({
            "user_name": "user", "user_mood": "neutral", "topic": "t", "language": "en", "style_hint": "short",
            "new_facts": [f"said {text[:10]}"], "disproved_facts": [], "situation": "",
        })  # fmt: skip
    if request.tools:
        calls = [
            ToolCall(id=f"c{n}", name=s["tool"], arguments=s["args"])
            for n, s in enumerate(PLANS[asked])
        ]
        return ModelReply(tool_calls=tuple(calls), finish="tool_calls")
    return "Here you are."


CODES = shipped(NODES)


def framed(prompts=None) -> Library:
    return Library(CODES, model="scripted", **({"prompts": prompts} if prompts else {}))


def opened(store, library: Library, model=None, rows=({"n": 240},)):
    """A runtime on v3-framed."""
    tool = FunctionTool("query_db", lambda _: {"rows": [*rows]})
    v3_spec = library.spec("v3-framed")
    return runtime(
        v3_spec, {}, store=store(), library=library, model=model or ScriptedModel(v3), tools=(tool,)
    )


def sealed(monkeypatch) -> None:
    def refuse(*_args, **_kwargs):
        pytest.fail("a replay opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


class Forbidden:
    """A model that may not be asked."""

    default_model = "scripted"
    label = "nobody"

    async def complete(self, request, on_text):
        pytest.fail("a replay asked a model")
