"""Pure values and functions: no asyncio, no I/O, no clock."""
