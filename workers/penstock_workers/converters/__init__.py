"""How keys, values and headers become bytes in the log, and bytes again what a connector works with."""
