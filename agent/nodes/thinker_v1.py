"""Thinks and acts in one: no plan, the model calls tools as it sees fit, and is audited.

Four things are looked at when it says that it is done. A finding goes back to the model as a
message, at most twice: code was written where a tool should have been called; something was to be
done and only words came; the browser shows other buttons than the server holds; SQL failed.
"""

import re

from agent.core import controls
from agent.core.frames import Envelope
from agent.core.json import Json, fields
from agent.core.memory import conversation
from agent.core.state import at
from agent.engine.context import Context
from agent.nodes.calls import Work, converse
from agent.nodes.clicks import asked
from agent.nodes.surroundings import page, text

AUDITS = 2
_CODE = re.compile(r"```|\bSELECT\b.+\bFROM\b|^\s*[{\[]\s*\"", re.IGNORECASE | re.DOTALL)


async def thinker_v1(ctx: Context, envelope: Envelope) -> Envelope:
    """Do what the message asks for."""
    said, perception = asked(ctx, envelope)
    work = Work(ctx)
    prompt = ctx.render(
        "thinker_v1",
        perception=text(perception),
        memory=text(at(ctx.state, "memory")),
        guidance=text(at(ctx.state, "guidance")),
        schema=ctx.schema,
        **page(ctx),
    )
    messages: list[Json] = [
        {"role": "system", "content": prompt},
        *conversation(ctx.history),
        {"role": "user", "content": said},
    ]
    await converse(ctx, work, messages)
    findings = await _audited(ctx, work, messages, perception)
    data: dict[str, Json] = {"perception": perception, **work.report()}
    if findings:
        data["audits"] = findings
    return Envelope(kind="work", text=said, data=data)


async def _audited(ctx: Context, work: Work, messages: list[Json], perception: Json) -> list[Json]:
    """Send findings back to the model until there are none or it was told twice."""
    findings: list[Json] = []
    for _ in range(AUDITS):
        finding = _finding(ctx, work, perception)
        if not finding:
            break
        findings.append(finding)
        ctx.think(f"audit: {finding}")
        told = ctx.render("thinker_audit", finding=finding, errors=work.errors, **page(ctx))
        messages.append({"role": "user", "content": told})
        await converse(ctx, work, messages)
    return findings


def _finding(ctx: Context, work: Work, perception: Json) -> str:
    """Return the first thing that is wrong with the work, or nothing."""
    if work.stopped:
        return ""
    if not work.calls and _CODE.search(work.notes):
        return "code_without_tool"
    if not work.calls and at(perception, "intent") == "action":
        return "text_without_action"
    if any(call["tool"] in ctx.data_tools for call in _failed(work)):
        return "sql_failed"
    ui = at(ctx.state, "ui")
    if controls.mismatch(ui, ctx.dashboard) and not work.controls_changed and not _emitted(work):
        return "dashboard_mismatch"
    return ""


def _failed(work: Work) -> list[Json]:
    """Return the calls that failed and were not made well later."""
    last = {call["tool"]: call for call in work.calls}
    return [call for call in last.values() if "error" in fields(call)]


def _emitted(work: Work) -> bool:
    """Whether controls were shown again, even if they are the same: that heals the browser."""
    return any(call["tool"] in controls.NAMES and "error" not in call for call in work.calls)
