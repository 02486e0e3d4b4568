"""What a model might answer to each kind of request of the shipped nodes."""

import json

from agent.core.messages import ModelReply, ToolCall


def perception(intent="question", complexity="simple", language="en"):
    return json.dumps(
        {"who": "user", "language": language, "intent": intent, "topic": "t", "tone": "casual",
         "complexity": complexity, "context": ""}
    )  # fmt: skip


def plan(*steps, hint=""):
    sequence = [{"tool": tool, "args": args} for tool, args in steps]
    return json.dumps({"goal": "g", "steps": ["s"], "tool_sequence": sequence, "answer_hint": hint})


def calls(*made):
    return ModelReply(
        tool_calls=tuple(
            ToolCall(
                id=f"c{n}",
                name=name,
                arguments=args,
                raw=json.dumps(args) if args is not None else "{oops",
            )
            for n, (name, args) in enumerate(made)
        ),
        finish="tool_calls",
    )


READING = json.dumps(
    {"summary": "There are 37.", "row_count": 1, "key_facts": ["37"], "confidence": "high"}
)
MEMORY = json.dumps(
    {"user_name": "Ada", "user_mood": "calm", "topic": "t", "language": "en", "style_hint": "short",
     "new_facts": ["Likes tea"], "disproved_facts": [], "situation": ""}
)  # fmt: skip


def routed(expert="none", job="", thinking="", hint="", language="en"):
    return json.dumps(
        {"expert": expert, "job": job, "thinking_message": thinking, "response_hint": hint,
         "language": language}
    )  # fmt: skip


def expert_plan(*steps, tables=(), hint=""):
    sequence = [{"tool": tool, "args": args} for tool, args in steps]
    return json.dumps(
        {"goal": "g", "tables": list(tables), "tool_sequence": sequence, "answer_hint": hint}
    )


def asks(sql):
    """A step that asks the demo database."""
    return ("query_db", {"query": sql, "database": "eras2_production"})


GUIDANCE = json.dumps({"aim": "Bill it", "next_move": "Compare", "keep_in_mind": ["Only 2023"]})
