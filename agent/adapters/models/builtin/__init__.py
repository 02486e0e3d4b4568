"""The built-in model: rules, not an LLM, behind the same protocol as a real one.

It is an HTTP transport that answers chat-completions requests, so everything above it is what a
real model gets. Invariant: it keys only on what a real model would see in the request: messages,
tool signatures, JSON schemas and the schema text of databases. It knows no node, graph or suite.
"""
