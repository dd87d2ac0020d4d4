"""What a node answers: one file for each group of Kafka APIs."""
