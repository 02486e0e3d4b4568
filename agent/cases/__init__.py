"""Cases: what is said, what must be true afterwards, and whether it is. Pure values and judges."""
