"""Executes the plan: asks its model for tool calls, makes them, feeds back results and errors.

It stops as soon as every planned call was made and none of the round failed, so a plan that works
costs one model call; a failed call goes back to the model, for at most three rounds in all.
"""

from collections import Counter

import msgspec

from agent.core import controls
from agent.core.errors import ToolFailed
from agent.core.events import MachineCreated
from agent.core.frames import Envelope
from agent.core.json import Json, canonical, fields, items
from agent.core.messages import ModelReply, ToolCall
from agent.core.state import at
from agent.engine.context import Context

ROUNDS = 3
CALLS_PER_ROUND = 16
RESULT_CHARS = 4000
ROWS = 100


class Work:
    """What was done so far in one visit."""

    def __init__(self, plan: Json) -> None:
        steps = items(at(plan, "tool_sequence"))
        self.missing = Counter([step["tool"] for step in steps])
        self.calls: list[Json] = []
        self.errors: list[str] = []
        self.output: list[Json] = []
        self.notes = ""

    @property
    def complete(self) -> bool:
        """Whether there was a plan, all of it was done, and nothing failed since."""
        return bool(self.calls) and not self.errors and self.missing.total() == 0


async def thinker_v2(ctx: Context, envelope: Envelope) -> Envelope:
    """Carry out the plan in ``envelope``."""
    plan = at(envelope.data, "plan")
    before = at(ctx.state, "ui")
    work = Work(plan)
    await _loop(ctx, work, _opening(ctx, envelope, plan))
    after = at(ctx.state, "ui")
    data: dict[str, Json] = {
        **fields(envelope.data),
        "tool_output": work.output,
        "calls": work.calls,
        "controls_changed": controls.current(before) != controls.current(after),
    }
    if work.errors:
        data["errors"] = work.errors
    if work.notes:
        data["notes"] = work.notes
    return Envelope(kind="work", text=envelope.text, data=data)


def _opening(ctx: Context, envelope: Envelope, plan: Json) -> list[Json]:
    ui = at(ctx.state, "ui")
    prompt = ctx.render(
        "thinker",
        plan=msgspec.json.encode(plan).decode(),  # in the director's order: states have one
        schema=ctx.schema,
        values=canonical(at(ui, "state")).decode(),
        controls=canonical(controls.current(ui)).decode(),
        machines=canonical(at(ui, "machines")).decode(),
    )
    return [{"role": "system", "content": prompt}, {"role": "user", "content": envelope.text}]


async def _loop(ctx: Context, work: Work, messages: list[Json]) -> None:
    for _ in range(ROUNDS):
        reply = await ctx.model(messages, tools=ctx.tools)
        if not reply.tool_calls:
            work.notes = reply.text
            return
        work.errors.clear()
        messages.append(_as_message(reply))
        for call in reply.tool_calls[:CALLS_PER_ROUND]:
            told = await _call(ctx, work, call)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": told})
        for call in reply.tool_calls[CALLS_PER_ROUND:]:
            told = f"error: not called, at most {CALLS_PER_ROUND} calls at once"
            work.errors.append(f"{call.name}: {told}")
            messages.append({"role": "tool", "tool_call_id": call.id, "content": told})
        if work.complete:
            return


def _as_message(reply: ModelReply) -> Json:
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {
                "name": call.name,
                "arguments": call.raw or canonical(call.arguments).decode(),
            },
        }
        for call in reply.tool_calls
    ]
    return {"role": "assistant", "content": reply.text or None, "tool_calls": calls}


async def _call(ctx: Context, work: Work, call: ToolCall) -> str:
    """Make one call and return what the model is told about it."""
    ran: dict[str, Json] = {"tool": call.name, "args": call.arguments}
    work.calls.append(ran)
    try:
        result = await _run(ctx, call)
    except ToolFailed as failure:
        ran["error"] = f"{failure.code}: {failure}"
        work.errors.append(f"{call.name}: {ran['error']}")
        return f"error: {ran['error']}"
    if work.missing[call.name] > 0:
        work.missing[call.name] -= 1
    if call.name not in ctx.data_tools:
        ran["result"] = result
        return canonical(result).decode()[:RESULT_CHARS]
    ran["rows"] = len(items(fields(result).get("rows")))
    if _holds_data(result):
        work.output.append({"tool": call.name, "args": call.arguments, "result": _cut(result)})
    return canonical(result).decode()[:RESULT_CHARS]


async def _run(ctx: Context, call: ToolCall) -> Json:
    if call.arguments is None:
        raise ToolFailed("bad_arguments", f"not a JSON object: {call.raw!r:.200}")
    before = fields(at(ctx.state, "ui", "machines"))
    result = await ctx.call(call.name, call.arguments)
    for name, made in fields(at(ctx.state, "ui", "machines")).items():
        if name not in before:
            ctx.emit(MachineCreated(**ctx.where, id=name, machine=made))
    return result


def _holds_data(result: Json) -> bool:
    rows = fields(result).get("rows")
    return bool(result) if rows is None else bool(rows)


def _cut(result: Json) -> Json:
    """Keep the rows that an answer can show; the effect holds all of them."""
    rows = items(fields(result).get("rows"))
    return {**result, "rows": list(rows[:ROWS]), "truncated": True} if len(rows) > ROWS else result
