"""The workers: membership, task hosts, offsets, delivery. Reach the log only through bootstrap.servers."""
