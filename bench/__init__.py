"""How fast it is: each script prints one JSON line, `python -m bench` runs them all."""
