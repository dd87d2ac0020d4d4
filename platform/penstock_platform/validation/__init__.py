"""Whether a connector's configuration is right, judged by schemas alone: no connector code runs for it."""
