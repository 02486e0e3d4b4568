"""The outside world behind the engine's and the runtime's ports."""
