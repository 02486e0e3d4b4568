"""Models: a client for every server that speaks the chat-completions protocol."""
