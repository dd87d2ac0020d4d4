"""The log as seen by a task: batches in, acknowledged; batches out, committed. Any Kafka will do."""
