"""Tools: any public function. The signature is the schema, the docstring is what a model is told.

A tool may touch the world, a node may not. One that does says so:

    from agent.tools import tool

    @tool(effect="read")
    def look_up(name: str) -> str: ...
"""


def count_words(text: str) -> dict[str, object]:
    """Count the words of a text and find the longest."""
    words = [word.strip(".,;:!?") for word in text.split()]
    return {"words": len(words), "longest": max(words, key=len, default="")}
