"""How keys, values and headers become bytes in the log, and again what a connector works with.

Its names are in `names`, which the control plane imports; the rest is imported in task hosts only.
"""
