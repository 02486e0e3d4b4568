"""The base of experts: stateless specialists that get a self-contained job and do it.

An expert makes two model calls. *Plan* turns the job into tool calls, *respond* answers from what
they brought back; a plan whose calls fail is made again with the errors, at most three times. An
expert sees neither conversation nor memory. One that has a database looks at a table (``DESCRIBE``)
before it first asks for its rows; what it saw is kept in the channel's state, so the next job finds
it there, a replay too, and a clear empties it.

A graph's node says what the expert can do (``description``), which ``database`` it asks, which
``tools`` it may use, and which ``prompt`` tells of its field. A subclass gives defaults.
"""

import msgspec

from agent.core import controls
from agent.core.errors import ToolFailed
from agent.core.frames import Envelope
from agent.core.json import Json, canonical, fields, items
from agent.core.schemas import Brief, described, named_in
from agent.core.state import at, put
from agent.engine.context import Context
from agent.nodes.answers import answered
from agent.nodes.calls import Work
from agent.nodes.plans import ExpertPlan
from agent.nodes.surroundings import page, signatures, tables, text

ATTEMPTS = 3
READABLE_CHARS, READABLE_ROWS = 1500, 20
"""Output up to this size the expert reads itself; more is left to an interpreter."""
QUERY = "query_db"


class ExpertNode:
    """An expert; configured by its class and its graph, holding no state of its own."""

    database = ""
    """Used where the graph's node names none."""
    prompt = ""
    """Used where the graph's node names none."""

    async def __call__(self, ctx: Context, envelope: Envelope) -> Envelope:
        """Do the job in ``envelope``."""
        work = Work(ctx, {})
        plan = await self._carried_out(ctx, envelope, work)
        data: dict[str, Json] = {**fields(envelope.data), "plan": plan, **work.report()}
        if not _readable(work.output):
            return Envelope(kind="work", text=envelope.text, data=data)
        data["results"] = data.pop("tool_output")
        data["answer"] = await self._respond(ctx, envelope, work, plan)
        return Envelope(kind="answer", text=envelope.text, data=data)

    async def _carried_out(self, ctx: Context, envelope: Envelope, work: Work) -> Json:
        """Plan and call until the calls succeed; return the last plan."""
        plan: Json = {}
        for _ in range(ATTEMPTS):
            plan = await self._plan(ctx, envelope, work)
            if await self._look(ctx, envelope, plan):
                plan = await self._plan(ctx, envelope, work)
            work.errors.clear()
            work.follow(plan)
            await self._follow(ctx, envelope, work, plan)
            if not work.errors or work.stopped:
                break
        return plan

    async def _follow(self, ctx: Context, envelope: Envelope, work: Work, plan: Json) -> None:
        """Make the calls of ``plan``, in order, until one is stopped by the user."""
        for step in items(plan["tool_sequence"]):
            if work.stopped:
                return
            await self._look(ctx, envelope, {"tool_sequence": [step]})
            _tell(ctx, envelope, step["tool"], step["args"])
            await work.call(step["tool"], step["args"])

    async def _plan(self, ctx: Context, envelope: Envelope, work: Work) -> Json:
        prompt = ctx.render(
            "expert_plan",
            about=ctx.spec.description,
            field=self._field(ctx),
            tools=signatures(ctx),
            database=self._database(ctx),
            schema=self._schema(ctx),
            acts=_acts(ctx),
            calls=text(work.calls),
            errors=text(work.errors),
            **page(ctx),
        )
        messages: list[Json] = [
            {"role": "system", "content": prompt},
            {"role": "user", "content": envelope.text},
        ]
        plan = await ctx.structured(ExpertPlan, messages)
        ctx.think(plan.goal)
        return msgspec.to_builtins(plan)

    async def _respond(self, ctx: Context, envelope: Envelope, work: Work, plan: Json) -> str:
        language = at(envelope.data, "perception", "language") or "en"
        prompt = ctx.render(
            "expert_respond",
            about=ctx.spec.description,
            field=self._field(ctx),
            language=language,
            hint=at(envelope.data, "plan", "response_hint") or "",
            plan=text(plan),
            calls=text(work.calls),
            results=text(work.output),
            errors=text(work.errors),
            controls=text(controls.current(at(ctx.state, "ui"))) if work.controls_changed else "",
        )
        messages: list[Json] = [
            {"role": "system", "content": prompt},
            {"role": "user", "content": envelope.text},
        ]
        return await answered(ctx, messages, language)

    # What it knows of its database

    def _database(self, ctx: Context) -> str:
        return ctx.spec.database or self.database

    def _field(self, ctx: Context) -> str:
        name = ctx.spec.prompt or self.prompt
        return ctx.render(name, database=self._database(ctx)) if name else ""

    def _schema(self, ctx: Context) -> str:
        """Return the tables: in full those that were looked at, in brief the others."""
        database = self._database(ctx)
        if not database:
            return ctx.schema if QUERY in ctx.data_tools & _names(ctx) else ""
        seen = fields(at(ctx.state, "cache", database))
        return "\n\n".join(
            described(brief.head, items(seen[brief.name])) if brief.name in seen else brief.text()
            for brief in self._tables(ctx)
        )

    def _tables(self, ctx: Context) -> tuple[Brief, ...]:
        return tables(ctx, self._database(ctx))

    async def _look(self, ctx: Context, envelope: Envelope, plan: Json) -> bool:
        """Look at the tables a plan needs and nobody has looked at; tell whether any was seen."""
        database = self._database(ctx)
        if not database:
            return False
        known = [brief.name for brief in self._tables(ctx)]
        queries = [str(at(step, "args", "query")) for step in items(plan["tool_sequence"])]
        wanted = named_in(" ".join([*queries, *map(str, items(at(plan, "tables")))]), known)
        new = [name for name in wanted if name not in fields(at(ctx.state, "cache", database))]
        seen = 0
        for name in new:
            args = {"query": f"DESCRIBE {name}", "database": database}
            _tell(ctx, envelope, QUERY, args)
            seen += await _describe(ctx, args, name)
        return seen > 0


async def _describe(ctx: Context, args: Json, name: str) -> bool:
    try:
        result = await ctx.call(QUERY, args)
    except ToolFailed as failure:
        ctx.think(f"{name}: {failure}")  # the query itself will tell what is wrong
        return False
    ctx.remember(put("cache", args["database"], name, value=items(at(result, "rows"))))
    return True


def _names(ctx: Context) -> frozenset[str]:
    return frozenset(spec["function"]["name"] for spec in ctx.tools)


def _acts(ctx: Context) -> bool:
    """Whether it may change what the page shows."""
    return bool(controls.NAMES & _names(ctx))


def _readable(output: list[Json]) -> bool:
    rows = sum(len(items(at(entry, "result", "rows"))) for entry in output)
    return rows <= READABLE_ROWS and len(canonical(output)) <= READABLE_CHARS


def _tell(ctx: Context, envelope: Envelope, tool: str, args: Json) -> None:
    """Tell the user in one line what happens next."""
    language = at(envelope.data, "perception", "language") or "en"
    line = ctx.render("progress", tool=tool, args=args, language=language).strip()
    if line:
        ctx.say(f"{line}\n\n")
