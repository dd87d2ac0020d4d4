"""The worker cluster: who is in it, who leads it, and which worker has which task."""
