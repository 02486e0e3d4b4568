"""Node code by the versioned names that graphs use. The only module that knows all nodes."""

from collections.abc import Mapping
from types import MappingProxyType

from agent.engine.program import Node
from agent.nodes.director_v1 import director_v1
from agent.nodes.director_v2 import director_v2
from agent.nodes.expert_eras import expert_eras
from agent.nodes.expert_v1 import expert_v1
from agent.nodes.input_v1 import input_v1
from agent.nodes.interpreter_v1 import interpreter_v1
from agent.nodes.memorizer_v1 import memorizer_v1
from agent.nodes.output_v1 import output_v1
from agent.nodes.pa_v1 import pa_v1
from agent.nodes.thinker_v1 import thinker_v1
from agent.nodes.thinker_v2 import thinker_v2
from agent.nodes.ui import ui

NODES: Mapping[str, Node] = MappingProxyType(
    {
        "input_v1": input_v1,
        "director_v1": director_v1,
        "director_v2": director_v2,
        "thinker_v1": thinker_v1,
        "thinker_v2": thinker_v2,
        "pa_v1": pa_v1,
        "expert_v1": expert_v1,
        "expert_eras": expert_eras,
        "interpreter_v1": interpreter_v1,
        "output_v1": output_v1,
        "ui": ui,
        "memorizer_v1": memorizer_v1,
    }
)
