"""Runs that leave and come in: a page to read, a zip to go on with."""
