"""Where connectors are in their input, and changing it while they are stopped.

Sources and sinks look alike from outside: entries of a partition and an offset, as Kafka Connect shows them. `sources`
keeps them in `connect-offsets`, `sinks` in the connector's consumer group; `history` remembers what was there before
each change; `connector_offsets` is what REST calls.
"""
