"""An expert that its graph alone describes: a description, a database or none, some tools."""

from agent.nodes.expert import ExpertNode


class GraphExpert(ExpertNode):
    """Has no defaults of its own."""


expert_v1 = GraphExpert()
