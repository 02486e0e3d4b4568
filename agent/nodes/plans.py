"""A plan as models write it: the tool calls it takes, and what for. Not a node."""

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.core.json import Json


class ToolStep(msgspec.Struct, frozen=True, kw_only=True):
    """One tool call of the plan."""

    tool: Annotated[str, Meta(description="name of a tool")]
    args: Annotated[dict[str, Json], Meta(description="its arguments")]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done about the message."""

    goal: Annotated[str, Meta(description="what the user should have afterwards, one sentence")]
    steps: Annotated[list[str], Meta(description="how to get there, in order")]
    tool_sequence: Annotated[
        list[ToolStep], Meta(description="the tool calls it takes, in order; empty when none")
    ]
    answer_hint: Annotated[
        str, Meta(description="what the answer should say or look like, or empty")
    ] = ""


class ExpertPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How an expert goes about its job."""

    goal: Annotated[str, Meta(description="what the user should have afterwards, one sentence")]
    tables: Annotated[
        list[str], Meta(description="names of the database tables the job needs; empty for none")
    ]
    tool_sequence: Annotated[
        list[ToolStep], Meta(description="the tool calls it takes, in order; empty when none")
    ]
    answer_hint: Annotated[
        str, Meta(description="what the answer should say or look like, or empty")
    ] = ""
