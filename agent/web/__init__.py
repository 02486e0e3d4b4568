"""Doors: decode, call one verb, encode."""
