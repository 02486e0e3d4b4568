"""The mutable layer: the log, the channels, the runs."""
