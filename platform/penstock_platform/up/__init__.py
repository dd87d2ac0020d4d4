"""`penstock up`: the log, a worker and, if asked, a demonstration, as one tree of supervised processes."""
