"""Stores: SQLite for real, memory for measuring and tests."""
