"""Ways an agent can go wrong, done to what one run left: a check that sees none of them is vacuous.

Each takes the evidence of a good run and gives that of a bad one, or ``None`` where it has nothing
to spoil. What a run would really have said after another tool result only a model knows; here what
came from the result is exchanged wherever it shows.
"""

import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

from agent.cases.match import Evidence
from agent.core.effects import Effect
from agent.core.json import Json, canonical, fields, items
from agent.debugger.cassette import Cassette
from agent.debugger.evidence import buttons, state_shown

Mutation = Callable[[Evidence, Cassette], Evidence | None]
ELSE = "I am sorry, that is something this assistant was never told about."
SHORTEST = 2
"""Characters of a result's value that is looked for elsewhere; shorter ones are everywhere."""
TOOLS = ("tool_call", "tool_result", "process_start", "process_line", "process_done")
replace = msgspec.structs.replace


def _emptied(seen: Evidence, cassette: Cassette) -> Evidence | None:
    del cassette
    return replace(seen, response="") if seen.response else None


def _other(seen: Evidence, cassette: Cassette) -> Evidence | None:
    """The answer to another question: as long or longer, with none of its words."""
    del cassette
    return replace(seen, response=ELSE * (1 + len(seen.response) // len(ELSE)))


def _swapped(seen: Evidence, cassette: Cassette) -> Evidence | None:
    """Another result of the data tools, told on faithfully."""
    others = {text: _different(text) for text in values_of(cassette)}
    if not others:
        return None
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(t)}(?!\w)" for t in longest_first(others)))

    def told(text: str) -> str:
        return pattern.sub(lambda found: others[found[0]], text)

    state: Json = msgspec.json.decode(told(canonical(seen.state).decode()))
    return replace(seen, response=told(seen.response), state=state)


def _not_called(seen: Evidence, cassette: Cassette) -> Evidence | None:
    del cassette
    kept = tuple(event for event in seen.events if event["event"] not in TOOLS)
    return replace(seen, events=kept) if len(kept) < len(seen.events) else None


def _arguments(seen: Evidence, cassette: Cassette) -> Evidence | None:
    """The same tools, called with something else."""
    del cassette
    events = tuple(
        {**event, "args": _altered(event["args"])} if event["event"] == "tool_call" else event
        for event in seen.events
    )
    return replace(seen, events=events) if events != seen.events else None


def _rerouted(seen: Evidence, cassette: Cassette) -> Evidence | None:
    """Straight from the first node to the last, and nothing in between."""
    del cassette
    trace = fields(seen.trace)
    rows = items(trace.get("frames"))
    short = [*rows[:1], *rows[-1:]]
    if len(rows) <= len(short):
        short = [{**row, "node": f"another_{row['node']}"} for row in rows]
    nodes = {row["node"] for row in short}
    return replace(
        seen,
        trace={**trace, "frames": short, "path": "another", "total_frames": len(short) + 100},
        events=tuple(event for event in seen.events if event["node"] in nodes),
    )


def _longer(seen: Evidence, cassette: Cassette) -> Evidence | None:
    del cassette
    trace = fields(seen.trace)
    return replace(seen, trace={**trace, "total_frames": trace["total_frames"] + 1})


def _forgotten(seen: Evidence, cassette: Cassette) -> Evidence | None:
    """Nothing of what it learned was kept."""
    before = state_shown(cassette.state)
    if canonical(before) == canonical(seen.state):
        return None
    return replace(seen, state=before)


def _bare(seen: Evidence, cassette: Cassette) -> Evidence | None:
    """The buttons of before."""
    before = buttons(cassette.state)
    if canonical(before) == canonical(seen.actions):
        return None
    made = ("machine_created", "machine_transition", "controls")
    kept = tuple(event for event in seen.events if event["event"] not in made)
    return replace(seen, actions=before, events=kept)


def _dearer(seen: Evidence, cassette: Cassette) -> Evidence | None:
    del cassette
    tokens = fields(seen.trace).get("tokens")
    return replace(seen, trace={**fields(seen.trace), "tokens": tokens * 100}) if tokens else None


def _slower(seen: Evidence, cassette: Cassette) -> Evidence | None:
    del cassette
    trace = fields(seen.trace)
    return replace(seen, trace={**trace, "total_ms": trace["total_ms"] * 100 + 60_000})


MUTATIONS: Mapping[str, Mutation] = {
    "response emptied": _emptied,
    "response to something else": _other,
    "tool result swapped": _swapped,
    "tool not called": _not_called,
    "tool called with something else": _arguments,
    "route changed": _rerouted,
    "one frame more": _longer,
    "state not kept": _forgotten,
    "buttons not shown": _bare,
    "100 times the tokens": _dearer,
    "100 times the time": _slower,
}


def values_of(cassette: Cassette) -> list[str]:
    """Return what the run's tools returned, value by value, as texts, without repetition."""
    found: dict[str, None] = {}
    for effect in cassette.trace.effects:
        if effect.kind == "tool":
            for value in _leaves(_result(effect)):
                for text in _spellings(value):
                    found[text] = None
    return [text for text in found if len(text) >= SHORTEST]


def _result(effect: Effect) -> Json:
    """Return what a tool answered; of a control tool, nothing: its result is a word of thanks."""
    return None if "changes" in fields(effect.response) else effect.response


def _leaves(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        for item in fields(value).values():
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in items(value):
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield value


def _spellings(value: Json) -> list[str]:
    """Return the ways a value is written in English and German prose."""
    if isinstance(value, str):
        return [value] if "\n" not in value else []
    english = f"{value:,}"
    return list(dict.fromkeys((str(value), english, english.translate(_GERMAN))))


_GERMAN = str.maketrans(",.", ".,")


def longest_first(texts: Mapping[str, str]) -> list[str]:
    """Order ``texts`` so that one that begins with another comes before it."""
    return sorted(texts, key=len, reverse=True)


def _different(text: str) -> str:
    return "".join([_ROTATED.get(letter, letter) for letter in text])


def _rotated(letters: str) -> dict[str, str]:
    return dict(zip(letters, letters[1:] + letters[0], strict=True))


_ROTATED = {
    **_rotated("123456789"),
    "0": "7",
    **_rotated("abcdefghijklmnopqrstuvwxyz"),
    **_rotated("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
}


def _altered(args: Json) -> Json:
    if isinstance(args, str):
        return _different(args)
    if isinstance(args, dict):
        return {key: _altered(value) for key, value in fields(args).items()}
    if isinstance(args, list | tuple):
        return [_altered(value) for value in items(args)]
    if isinstance(args, int | float) and not isinstance(args, bool):
        return args + 1
    return args
