"""The control tools as a model is told about them."""

from collections.abc import Mapping
from types import MappingProxyType

from agent.core.json import Json

_BUTTON: Json = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "description": "what the button says"},
        "action": {
            "type": "string",
            "description": "name sent back when it is clicked; short, snake_case",
        },
        "payload": {
            "type": "object",
            "description": (
                'data sent with the click. {"op": "inc"|"dec"|"set"|"toggle", "var": key, '
                '"step"?: number, "value"?: any} changes that state value at once, '
                "without asking anyone"
            ),
        },
    },
    "required": ["label", "action"],
}
_STATE_BUTTON: Json = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "go": {"type": "string", "description": "state this button leads to"},
    },
    "required": ["label", "go"],
}
_ID: Json = {"type": "string", "description": "id of the machine, such as nav or traffic_light"}


def _tool(name: str, description: str, required: list[str], given: Mapping[str, Json]) -> Json:
    parameters = {"type": "object", "properties": given, "required": required}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


SPECS: tuple[Json, ...] = (
    _tool(
        "emit_actions",
        "Show buttons to the user. Replaces the buttons shown before, so include those that "
        "should stay. Bind a button to a state value with payload for counters and toggles.",
        ["actions"],
        {"actions": {"type": "array", "items": _BUTTON, "description": "the buttons, in order"}},
    ),
    _tool(
        "set_state",
        "Set a value of the user interface, such as the start value of a counter or toggle.",
        ["key", "value"],
        {
            "key": {"type": "string", "description": "name of the value, such as count"},
            "value": {"description": "any JSON value"},
        },
    ),
    _tool(
        "emit_display",
        "Show labels or tables to the user. Replaces those shown before. A label with var shows "
        "that state value and follows it.",
        ["items"],
        {
            "items": {
                "type": "array",
                "description": "what to show, in order",
                "items": {
                    "type": "object",
                    "properties": {
                        "type": {"enum": ["label", "progress", "table"]},
                        "label": {"type": "string", "description": "caption"},
                        "text": {"type": "string", "description": "fixed text"},
                        "var": {"type": "string", "description": "state value to show"},
                        "value": {"type": "number", "description": "of a progress"},
                        "max": {"type": "number", "description": "what a progress counts up to"},
                        "columns": {"type": "array", "items": {"type": "string"}},
                        "rows": {"type": "array", "items": {"type": "array"}},
                    },
                },
            }
        },
    ),
    _tool(
        "create_machine",
        "Create a persistent state machine: named states with buttons that lead from one to the "
        "next. For navigation, wizards, menus, traffic lights: anything with steps or modes.",
        ["id", "initial", "states"],
        {
            "id": _ID,
            "initial": {"type": "string", "description": "state it starts in"},
            "states": {
                "type": "object",
                "description": (
                    'state name -> {"buttons": [{"label", "go"}], "text"?}. Without any buttons '
                    "every state gets one button per other state"
                ),
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "buttons": {"type": "array", "items": _STATE_BUTTON},
                        "text": {"type": "string", "description": "shown while in this state"},
                    },
                },
            },
        },
    ),
    _tool(
        "add_state",
        "Add one more state to an existing machine.",
        ["id", "state"],
        {
            "id": _ID,
            "state": {"type": "string", "description": "name of the new state"},
            "buttons": {"type": "array", "items": _STATE_BUTTON, "description": "its buttons"},
            "from": {
                "type": "array",
                "items": {"type": "string"},
                "description": "states that get a button to the new one; all when left out",
            },
        },
    ),
    _tool(
        "reset_machine",
        "Put an existing machine back into its initial state.",
        ["id"],
        {"id": _ID},
    ),
    _tool(
        "destroy_machine",
        "Remove an existing machine and its buttons.",
        ["id"],
        {"id": _ID},
    ),
)
BY_NAME: Mapping[str, Json] = MappingProxyType({s["function"]["name"]: s for s in SPECS})
