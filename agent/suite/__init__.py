"""Suites: conversations written in markdown, held with a server over HTTP."""
