"""The TCP side of a node: frames, connections, back-pressure."""
