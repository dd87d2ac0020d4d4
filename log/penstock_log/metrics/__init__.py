"""What a node counts and measures, and how Prometheus is told: by the usual names of Kafka's JMX exporter."""
