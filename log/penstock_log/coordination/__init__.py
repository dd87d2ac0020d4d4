"""What the coordinators of groups and of transactions share: topics to keep their state in, and a sense of time."""
