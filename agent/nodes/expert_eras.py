"""The specialist of the heating-cost database."""

from agent.nodes.expert import ExpertNode


class ErasExpertNode(ExpertNode):
    """Knows what is billed to whom, and where that is written."""

    database = "eras2_production"
    prompt = "expert_eras"


expert_eras = ErasExpertNode()
