"""Making tool calls and keeping account of them: what thinkers and experts share.

Not a node. What a data tool brings back is kept apart from what control tools did, because only
data has to be read.
"""

from collections import Counter

from agent.core import controls
from agent.core.errors import ToolFailed
from agent.core.events import MachineCreated
from agent.core.json import Json, canonical, fields, items
from agent.core.messages import ModelReply
from agent.core.state import at
from agent.engine.context import Context

ROUNDS = 3
CALLS_PER_ROUND = 16
RESULT_CHARS = 4000
ROWS = 100


class Work:
    """What was done so far in one visit.

    Args:
        ctx: the visit.
        plan: the plan that is carried out, where there is one.
    """

    def __init__(self, ctx: Context, plan: Json = None) -> None:
        self._ctx = ctx
        self._planned = plan is not None
        self._shown = controls.current(at(ctx.state, "ui"))
        self.missing: Counter[str] = Counter()
        self.calls: list[Json] = []
        self.errors: list[str] = []
        self.output: list[Json] = []
        self.notes = ""
        self.stopped = False
        """The user stopped a call: what was stopped is not tried again."""
        self.follow(plan)

    def follow(self, plan: Json) -> None:
        """Carry out ``plan`` from now on."""
        self.missing = Counter([step["tool"] for step in items(at(plan, "tool_sequence"))])

    @property
    def complete(self) -> bool:
        """Whether there was a plan, all of it was done, and nothing failed since."""
        done = self._planned and bool(self.calls) and self.missing.total() == 0
        return done and not self.errors

    @property
    def controls_changed(self) -> bool:
        """Whether the page shows something else now."""
        return self._shown != controls.current(at(self._ctx.state, "ui"))

    def report(self) -> dict[str, Json]:
        """Return what the nodes after this one are told."""
        told: dict[str, Json] = {
            "tool_output": self.output,
            "calls": self.calls,
            "controls_changed": self.controls_changed,
        }
        if self.errors:
            told["errors"] = self.errors
        if self.notes:
            told["notes"] = self.notes
        return told

    async def call(self, tool: str, arguments: Json, raw: str = "") -> str:
        """Make one call and return what the model is told about it.

        Args:
            tool: its name.
            arguments: what it is given; ``None`` when the model wrote no JSON object.
            raw: what the model wrote instead.
        """
        ran: dict[str, Json] = {"tool": tool, "args": arguments}
        self.calls.append(ran)
        try:
            result = await self._run(tool, arguments, raw)
        except ToolFailed as failure:
            ran["error"] = f"{failure.code}: {failure}"
            self.stopped = self.stopped or failure.code == "cancelled"
            self.errors.append(f"{tool}: {ran['error']}")
            return f"error: {ran['error']}"
        if self.missing[tool] > 0:
            self.missing[tool] -= 1
        if tool not in self._ctx.data_tools:
            ran["result"] = result
            return canonical(result).decode()[:RESULT_CHARS]
        ran["rows"] = len(items(fields(result).get("rows")))
        if _holds_data(result):
            self.output.append({"tool": tool, "args": arguments, "result": _cut(result)})
        return canonical(result).decode()[:RESULT_CHARS]

    async def _run(self, tool: str, arguments: Json, raw: str) -> Json:
        if arguments is None:
            raise ToolFailed("bad_arguments", f"not a JSON object: {raw!r:.200}")
        ctx = self._ctx
        before = fields(at(ctx.state, "ui", "machines"))
        result = await ctx.call(tool, arguments)
        for name, made in fields(at(ctx.state, "ui", "machines")).items():
            if name not in before:
                ctx.emit(MachineCreated(**ctx.where, id=name, machine=made))
        return result


async def converse(ctx: Context, work: Work, messages: list[Json]) -> None:
    """Let the model call tools until the plan is done, or it calls none, for at most three rounds.

    ``messages`` grows by what was said.
    """
    for _ in range(ROUNDS):
        reply = await ctx.model(messages, tools=ctx.tools)
        if not reply.tool_calls:
            work.notes = reply.text
            messages.append({"role": "assistant", "content": reply.text})
            return
        work.errors.clear()
        messages.append(_as_message(reply))
        for call in reply.tool_calls[:CALLS_PER_ROUND]:
            told = await work.call(call.name, call.arguments, call.raw)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": told})
        for call in reply.tool_calls[CALLS_PER_ROUND:]:
            told = f"error: not called, at most {CALLS_PER_ROUND} calls at once"
            work.errors.append(f"{call.name}: {told}")
            messages.append({"role": "tool", "tool_call_id": call.id, "content": told})
        if work.complete or work.stopped:
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


def _holds_data(result: Json) -> bool:
    rows = fields(result).get("rows")
    return bool(result) if rows is None else bool(rows)


def _cut(result: Json) -> Json:
    """Keep the rows that an answer can show; the effect holds all of them."""
    rows = items(fields(result).get("rows"))
    return {**result, "rows": list(rows[:ROWS]), "truncated": True} if len(rows) > ROWS else result
