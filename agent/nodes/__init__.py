"""The vocabulary of graphs. A node never imports another node."""
