"""Who may come in: the local token and the short-lived codes made from it."""
