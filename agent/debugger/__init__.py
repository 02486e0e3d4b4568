"""What can be done with a recorded run."""
