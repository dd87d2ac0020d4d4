"""Connectors for the tests of task hosts, which find this package by PYTHONPATH. What they print, the test reads."""
