"""What is said: answers in words, from what the request holds and nothing else."""

import re

from agent.adapters.models.builtin import recall
from agent.adapters.models.builtin.asked import Asked
from agent.adapters.models.builtin.purpose import Purpose, asking, language_told, purpose_of
from agent.adapters.models.builtin.results import Rows, rows_in, summary, table
from agent.core.json import Json, fields, items

_WORKS = {
    "en": "I am a small rule-based model, not an LLM. I can answer questions about the data, "
    "make counters, switches, buttons and state machines on the page, and remember what you tell "
    "me about yourself.",
    "de": "Ich bin ein kleines regelbasiertes Modell, kein LLM. Ich kann Fragen zu den Daten "
    "beantworten, Zähler, Schalter, Knöpfe und Automaten auf die Seite bringen und mir merken, was "
    "du über dich erzählst.",
}
_SOCIAL = {
    ("greeting", "en"): "Hello{name}! What can I do for you?",
    ("greeting", "de"): "Hallo{name}! Was kann ich für dich tun?",
    ("thanks", "en"): "You're welcome{name}!",
    ("thanks", "de"): "Gern geschehen{name}!",
    ("farewell", "en"): "Goodbye{name}, see you!",
    ("farewell", "de"): "Auf Wiedersehen{name}!",
    ("smalltalk", "en"): "All good here{name}, thanks. What can I do for you?",
    ("smalltalk", "de"): "Alles gut{name}, danke. Was kann ich für dich tun?",
}
_NOTE = re.compile(r"\bnote: (.+)")


def reply(asked: Asked) -> str:
    """Return the answer to ``asked``, in markdown."""
    if asked.outcomes:
        return _after_tools(asked)
    purpose = purpose_of(asked)
    language = _language(asked, purpose)
    rows = rows_in(asked.objects, asked.prompt)
    if rows is not None:
        return _of_rows(asked, rows, language)
    failed = _failures(asked.objects)
    if failed:
        return _failed(failed, language)
    if _empty_handed(asked.objects):
        return summary(asked.said, _NO_ROWS, language)
    return _in_words(asked, purpose, language)


_NO_ROWS = Rows(columns=[], rows=[], count=0)


def _language(asked: Asked, purpose: Purpose) -> str:
    told = language_told(asked)
    return told if told in ("en", "de") else purpose.mood.language


def _in_words(asked: Asked, purpose: Purpose, language: str) -> str:
    match purpose.kind:
        case "social":
            return _social(asked, purpose, language)
        case "told":
            return _told(asked, language)
        case "memory":
            return _remembered(asked, language)
        case "help":
            return _WORKS[language]
        case "page":
            return _page(asked, language)
        case "feedback":
            return {
                "en": "Thanks for telling me. Say what I should do differently and I will try.",
                "de": "Danke für den Hinweis. Sag mir, was ich anders machen soll.",
            }[language]
        case _:
            return _page(asked, language) if _changed(asked) else _unable(language)


def _social(asked: Asked, purpose: Purpose, language: str) -> str:
    name = recall.name_known(asked.objects)
    words = _SOCIAL[(purpose.mood.social, language)]
    return words.replace("{name}", f", {name}" if name else "")


def _told(asked: Asked, language: str) -> str:
    told = recall.told_in(asked.said)
    if told.name:
        return f"{'Freut mich' if language == 'de' else 'Nice to meet you'}, {told.name}!"
    facts = "; ".join(told.facts)
    return f"Gut, das merke ich mir: {facts}." if language == "de" else f"Noted: {facts}."


def _remembered(asked: Asked, language: str) -> str:
    german = language == "de"
    facts, name = recall.facts_known(asked.objects), _name(asked)
    if recall.asks_name(asked.said):
        if name:
            return f"Du heißt {name}." if german else f"Your name is {name}."
        return (
            "Das hast du mir noch nicht gesagt."
            if german
            else "You have not told me your name yet."
        )
    found = recall.matching(asked.said, facts) or facts
    if recall.asks_memory(asked.said):
        found = facts
    if not found and name:
        return f"Du heißt {name}." if german else f"I know your name: {name}."
    if not found:
        return "Darüber weiß ich noch nichts." if german else "I know nothing about that yet."
    lead = "Das weiß ich von dir" if german else "You told me"
    return f"{lead}: {'; '.join(found)}."


def _name(asked: Asked) -> str:
    """Return the name from memory, else from what was said earlier."""
    known = recall.name_known(asked.objects)
    earlier = [recall.told_in(turn.text).name for turn in asked.before if turn.role == "user"]
    return next((name for name in reversed(earlier) if name), known)


def _of_rows(asked: Asked, rows: Rows, language: str) -> str:
    note = _note(asked.objects)
    question = _without(asking(asked.said), note)
    if rows.count > 1 and rows.rows:
        text = table(rows, language)
    else:
        told = "" if note else _told_summary(asked.objects)
        text = told or summary(question, rows, language)
    page = _page(asked, language) if _shows(asked) else ""
    return "\n\n".join(part for part in (text, note, page) if part)


def _without(question: str, note: str) -> str:
    """Leave out the words that a note says were not understood."""
    for word in re.findall(r"“([^”]+)”", note):
        question = re.sub(rf"\b{re.escape(word)}\b\s*", "", question)
    return question


def _shows(asked: Asked) -> bool:
    """Whether the request tells of controls on the page."""
    return any(fields(c).get("type") == "button" for v in asked.objects for c in items(v))


def _told_summary(objects: tuple[Json, ...]) -> str:
    for value in objects:
        told = fields(value).get("summary")
        if isinstance(told, str) and told:
            return told
    return ""


def _note(objects: tuple[Json, ...]) -> str:
    for value in objects:
        for text in fields(value).values():
            found = _NOTE.search(text) if isinstance(text, str) else None
            if found:
                return found[1]
    return ""


def _failures(objects: tuple[Json, ...]) -> list[str]:
    """Return the errors of calls that the request tells of; one that was mended does not count."""
    failed: dict[str, str] = {}
    for value in objects:
        for call in items(value):
            made = fields(call)
            if "tool" in made and isinstance(made.get("error"), str):
                failed[str(made["tool"])] = str(made["error"])
            elif "tool" in made:
                failed.pop(str(made["tool"]), None)
    return list(failed.values())


def _failed(errors: list[str], language: str) -> str:
    lead = "Das hat nicht geklappt" if language == "de" else "That did not work"
    return f"{lead}: {'; '.join(errors)}"


def _empty_handed(objects: tuple[Json, ...]) -> bool:
    calls = [fields(call) for value in objects for call in items(value)]
    return any(call.get("rows") == 0 and "tool" in call for call in calls)


def _changed(asked: Asked) -> bool:
    return any("tool" in fields(call) for value in asked.objects for call in items(value))


def _page(asked: Asked, language: str) -> str:
    """Say what the page shows now, as far as the request tells."""
    if not _changed(asked):
        return _unable(language)
    german = language == "de"
    shown = [fields(c) for value in asked.objects for c in items(value) if fields(c).get("type")]
    buttons = list(dict.fromkeys(str(c.get("label")) for c in shown if c.get("type") == "button"))
    labels = list(dict.fromkeys(_label(c) for c in shown if c["type"] == "label"))
    parts = [", ".join(labels)] if labels else []
    if buttons:
        quoted = ", ".join(f"“{label}”" for label in buttons)
        parts.append(f"{'den Knöpfen' if german else 'the buttons'} {quoted}")
    made = ", ".join(dict.fromkeys(_ids(asked.objects)))
    lead = f"{'Erledigt' if german else 'Done'}{f' ({made})' if made else ''}."
    if not parts:
        return lead
    joint = " mit " if german else " with "
    return (
        f"{lead} {'Die Seite zeigt jetzt' if german else 'The page now shows'} {joint.join(parts)}."
    )


def _label(control: Json) -> str:
    """Write a label with what it shows."""
    value = control.get("value", control.get("text"))
    known = {True: "on", False: "off"}.get(value) if isinstance(value, bool) else value
    return ": ".join(str(part) for part in (control.get("label"), known) if part is not None)


def _ids(objects: tuple[Json, ...]) -> list[str]:
    """Return the names that the calls of a request gave or used."""
    calls = [fields(c) for value in objects for c in items(value) if "tool" in fields(c)]
    arguments = [fields(part) for call in calls for part in call.values()]
    return [str(given["id"]) for given in arguments if isinstance(given.get("id"), str)]


def _unable(language: str) -> str:
    if language == "de":
        return "Das kann ich leider nicht. " + _WORKS["de"]
    return "I cannot do that. " + _WORKS["en"]


def _after_tools(asked: Asked) -> str:
    failed = [outcome for outcome in asked.outcomes if outcome.failed]
    if failed:
        return "; ".join(f"{outcome.name}: {outcome.text}" for outcome in failed)
    return f"Done: {', '.join(dict.fromkeys(o.name for o in asked.outcomes))}."
