"""A tool that really writes: one line a call, on disk when it answers."""

import os

from agent.tools import tool


@tool(effect="write")
def book(entry: str) -> str:
    """Append an entry to the ledger."""
    handle = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, f"{entry}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    return f"booked {entry}"
