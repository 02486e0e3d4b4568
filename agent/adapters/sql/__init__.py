"""Databases that a model may read: the guard, the SQLite engine behind it, and the demo data."""
