"""The nodes of this agent. Each gets its context and what came along the edge."""

from agent.core.frames import Envelope
from agent.core.state import at, put
from agent.engine.context import Context

ASKED = "count:"


async def read_v1(ctx: Context, envelope: Envelope) -> Envelope:
    """Have the words counted when the message asks for that; else hand it on."""
    if not envelope.text.lower().startswith(ASKED):
        return envelope
    text = envelope.text[len(ASKED) :].strip()
    counted = await ctx.call("count_words", {"text": text})
    return Envelope(kind="counted", text=text, data={"tool_output": counted})


async def total_v1(ctx: Context, envelope: Envelope) -> None:
    """Answer with the number, and keep the total in the state."""
    counted = at(envelope.data, "tool_output")
    total = (at(ctx.state, "memory", "words") or 0) + counted["words"]
    ctx.remember(put("memory", "words", value=total))
    ctx.say(f"{counted['words']} words, the longest is “{counted['longest']}”. ")
    ctx.say(f"That makes {total} in this conversation.")


async def talk_v1(ctx: Context, envelope: Envelope) -> None:
    """Let the model answer, streamed."""
    messages = [
        {"role": "system", "content": ctx.render("talk", asked=ASKED)},
        {"role": "user", "content": envelope.text},
    ]
    await ctx.model(messages, on_text=ctx.say)
