"""Record batches on disk: batches, segments, indexes, recovery, group commit. Knows no topic, leader or client."""
