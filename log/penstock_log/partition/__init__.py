"""One replica of a partition: log, in-sync set and high watermark, producer states, and the shell that joins them."""
