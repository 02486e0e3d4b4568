"""An expert of one's own: two model calls of the base, the tools of this folder, its own words."""

from agent.core.frames import Envelope
from agent.core.json import fields
from agent.engine.context import Context
from agent.nodes.expert import ExpertNode


class LogbookExpert(ExpertNode):
    """Knows where which ship was, and with what."""

    prompt = "ships"

    def __init__(self, greeting: str) -> None:
        self.greeting = greeting

    async def __call__(self, ctx: Context, envelope: Envelope) -> Envelope:
        """Do the job, and sign the answer as a log is signed."""
        done = await super().__call__(ctx, envelope)
        if done.kind == "answer":
            ctx.say(f"\n\n{self.greeting}")
            answer = f"{fields(done.data)['answer']}\n\n{self.greeting}"
            return Envelope(kind=done.kind, text=done.text, data={**done.data, "answer": answer})
        return done


harbour_master = LogbookExpert("Fair winds!")
