"""Cluster metadata: a log of events, the pure state machine that applies them, and its thin shell."""
