"""JSON Schemas (2020-12) as package data, and a small loader. Imports nothing."""
