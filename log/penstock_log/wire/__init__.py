"""The bytes of the Kafka protocol: request decoding and response encoding. Pure: no I/O."""
