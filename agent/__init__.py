"""Framescope: a single-user debug runtime for LLM agents."""

__version__ = "0.1.0"
