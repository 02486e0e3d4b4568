"""Answers in a given JSON schema.

Every property is filled by what its name, its choices and its description ask for.
"""

import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache

from agent.adapters.models.builtin import recall, routing
from agent.adapters.models.builtin.asked import Asked
from agent.adapters.models.builtin.overview import heads_in, needed
from agent.adapters.models.builtin.purpose import Purpose, asking, purpose_of, written
from agent.adapters.models.builtin.results import Rows, figures, rows_in, summary
from agent.core.json import Json, fields, items

_GOALS = {
    "data": "The user knows the answer from the database",
    "page": "The page shows what the user asked for",
    "memory": "The user is reminded of what is known",
    "told": "What the user told is remembered",
    "social": "The user is answered in a friendly way",
    "help": "The user knows what can be done",
    "feedback": "The user's feedback is acknowledged",
    "unable": "The user knows that this cannot be done",
}


class Facts:
    """What a filled-in answer can be made of; worked out when first needed."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.purpose: Purpose = purpose_of(asked)
        self.mood = self.purpose.mood
        self.told = recall.told_in(asked.said)
        self.known = recall.facts_known(asked.objects)
        self.memory = asked.find("facts")

    @cached_property
    def rows(self) -> Rows | None:
        """The rows that the prompt tells of."""
        return rows_in(self.asked.objects, self.asked.prompt)

    @cached_property
    def job(self) -> str:
        """What the user wants, in words that need no conversation."""
        return routing.job_of(self.asked)

    def chosen(self, choices: Json) -> str | None:
        """Return who of ``choices`` gets the job."""
        return routing.chosen(self.asked, self.purpose, choices, lambda: self.job)

    @cached_property
    def handed_over(self) -> bool:
        """Whether somebody the prompt tells of gets the job."""
        for spec in fields(self.asked.shape.get("properties")).values():
            choices = items(fields(_resolved(spec, self.asked.shape)).get("enum"))
            who = self.chosen(choices)
            if who is not None:
                return who in routing.cards(self.asked, choices)
        return False

    @property
    def name(self) -> str:
        """The user's name, new or known."""
        return self.told.name or recall.name_known(self.asked.objects)


def _tool_plan(facts: Facts, spec: Json) -> Json:
    """Return the calls in the property names of the schema: a text for the tool, an object."""
    properties = fields(fields(_resolved(spec.get("items"), facts.asked.shape)).get("properties"))
    tool = next((n for n, s in properties.items() if fields(s).get("type") == "string"), "tool")
    args = next((n for n, s in properties.items() if fields(s).get("type") == "object"), "args")
    return [{tool: call.name, args: call.arguments} for call in facts.purpose.calls]


def _steps(facts: Facts, _spec: Json) -> Json:
    return [f"call {call.name}" for call in facts.purpose.calls] or ["answer the user"]


def _summary(facts: Facts, _spec: Json) -> Json:
    rows = facts.rows
    return (
        summary(asking(facts.asked.said), rows, facts.mood.language) if rows else facts.mood.topic
    )


def _count(facts: Facts, _spec: Json) -> Json:
    return facts.rows.count if facts.rows else 0


def _figures(facts: Facts, _spec: Json) -> Json:
    return figures(facts.rows) if facts.rows else []


def _confidence(facts: Facts, _spec: Json) -> Json:
    rows = facts.rows
    if rows is None or not rows.count:
        return "low"
    return "medium" if rows.cut and len(rows.rows) < rows.count else "high"


def _new_facts(facts: Facts, _spec: Json) -> Json:
    known = {fact.lower() for fact in facts.known}
    return [fact for fact in facts.told.facts if fact.lower() not in known]


def _disproved(facts: Facts, _spec: Json) -> Json:
    return recall.disproved(facts.told.facts, facts.known)


def _feeling(facts: Facts, _spec: Json) -> Json:
    tone = facts.mood.tone
    return tone if tone != "casual" else str(facts.memory.get("user_mood") or "neutral")


def _style(facts: Facts, _spec: Json) -> Json:
    return str(facts.memory.get("style_hint") or "casual")


def _who(facts: Facts, _spec: Json) -> Json:
    return facts.name or "user"


def _name(facts: Facts, _spec: Json) -> Json:
    return facts.told.name or str(facts.memory.get("user_name") or "")


def _hint(facts: Facts, _spec: Json) -> Json:
    return facts.purpose.note


def _context(facts: Facts, _spec: Json) -> Json:
    follows = re.match(
        r"^\W*(and|und|it|that|there|same|what about)\b", facts.asked.said, re.IGNORECASE
    )
    return "refers to what was said before" if follows else ""


def _tables(facts: Facts, _spec: Json) -> Json:
    heads = heads_in(facts.asked.prompt)
    words = set(re.findall(r"\w+", written(facts.asked.said).lower()))
    return [name for name in heads if name.lower() in words] or needed(facts.asked.said, heads)


def _goal(facts: Facts, spec: Json) -> Json:
    seen = {table.name for table in facts.asked.schema.tables}
    unseen = facts.purpose.kind == "unable" and set(_tables(facts, spec)) - seen
    return _GOALS["data" if unseen else facts.purpose.kind]


def _job(facts: Facts, _spec: Json) -> Json:
    return facts.job if facts.handed_over else ""


def _meanwhile(facts: Facts, _spec: Json) -> Json:
    return routing.meanwhile(facts.asked, facts.purpose) if facts.handed_over else ""


def _topic(facts: Facts, _spec: Json) -> Json:
    """Small talk leaves a topic that is remembered as it is."""
    keeps = "facts" in facts.memory and "disproved" in str(facts.asked.shape)
    known = str(facts.memory.get("topic") or "")
    return known if keeps and known and facts.mood.social else facts.mood.topic


Slot = Callable[[Facts, Json], Json]
_SLOTS: tuple[tuple[str, str, Slot], ...] = (
    (r"disprov|obsolete|outdated|retract", r"proved wrong|no longer true", _disproved),
    (r"new_?facts|learned|remember", r"facts the user stated|lasting facts", _new_facts),
    (r"^tables?$|relations", r"database tables", _tables),
    (r"^job$|^task$|assignment", r"(whole|complete) job", _job),
    (r"thinking|meanwhile|interim", r"while the expert", _meanwhile),
    (r"tool|calls|actions?$", r"tool calls", _tool_plan),
    (r"row_?count|n_rows|number_of_rows", r"number of rows", _count),
    (r"key_?facts|figures|highlights", r"names and figures", _figures),
    (r"summary|finding|conclusion", r"answer to the question", _summary),
    (r"steps|procedure", r"in order", _steps),
    (r"goal|aim|objective", r"should have afterwards", _goal),
    (r"hint_?|advice|remark", r"what the answer should", _hint),
    (r"style", r"likes to be answered", _style),
    (r"mood|feeling", r"mood of", _feeling),
    (r"user_?name|name_of", r"name of the user", _name),
    (r"^who$|speaker|author", r"who is speaking|name of the speaker", _who),
    (r"lang", r"iso 639|language", lambda f, _: f.mood.language),
    (r"topic|subject|about", r"what it is about|was about", _topic),
    (r"context|background|reference", r"conversation matters", _context),
)
_CHOICES: tuple[tuple[frozenset[str], Slot], ...] = (
    (frozenset({"question", "social"}), lambda f, _: f.mood.intent),
    (frozenset({"trivial", "complex"}), lambda f, _: f.mood.complexity),
    (frozenset({"frustrated", "playful"}), lambda f, _: f.mood.tone),
    (frozenset({"high", "low"}), _confidence),
)


def filled(asked: Asked) -> Json:
    """Return an object that follows the schema of ``asked``."""
    facts = Facts(asked)
    return _object(facts, asked.shape)


def _object(facts: Facts, schema: Json) -> Json:
    given = fields(fields(_resolved(schema, facts.asked.shape)).get("properties"))
    return {name: _value(facts, name, spec) for name, spec in given.items()}


def _value(facts: Facts, name: str, spec: Json) -> Json:
    spec = fields(_resolved(spec, facts.asked.shape))
    choices = items(spec.get("enum"))
    if choices:
        return _choose(facts, choices)
    slot = _slot(name, str(spec.get("description", "")))
    value = slot(facts, spec) if slot else None
    return value if slot and _fits(value, spec) else _empty(facts, spec)


def _choose(facts: Facts, choices: Json) -> Json:
    for members, slot in _CHOICES:
        if members <= set(map(str, choices)):
            value = slot(facts, None)
            return value if value in choices else choices[0]
    who = facts.chosen(choices)
    return choices[0] if who is None else who


@lru_cache(512)
def _slot(name: str, description: str) -> Slot | None:
    for pattern, _, slot in _SLOTS:
        if re.search(pattern, name.lower()):
            return slot
    for _, told, slot in _SLOTS:
        if re.search(told, description.lower()):
            return slot
    return None


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "array": (list,),
    "object": (dict,), "boolean": (bool,),
}  # fmt: skip


def _fits(value: Json, spec: Mapping[str, Json]) -> bool:
    kind = spec.get("type")
    return isinstance(value, _TYPES.get(kind, (object,))) if isinstance(kind, str) else True


def _empty(facts: Facts, spec: Mapping[str, Json]) -> Json:
    if "default" in spec:
        return spec["default"]
    match spec.get("type"):
        case "integer" | "number":
            return 0
        case "array":
            return []
        case "object":
            return _object(facts, spec)
        case "boolean":
            return False
        case _:
            return ""


def _resolved(spec: Json, root: Json) -> Json:
    """Follow a reference inside the schema."""
    target = fields(spec).get("$ref")
    if not isinstance(target, str):
        return spec or {}
    found: Json = root
    for part in target.removeprefix("#/").split("/"):
        found = fields(found).get(part)
    return found or {}
