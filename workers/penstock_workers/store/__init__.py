"""The internal topics as tables. Formats are Kafka Connect's: either side reads what the other wrote."""
