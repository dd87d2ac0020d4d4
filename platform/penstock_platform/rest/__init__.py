"""The REST API: Kafka Connect's endpoints, codes and messages, over one worker.

Each resource has a file of its own. Handlers answer reads from the worker's memory and wait only for writes; errors
become JSON in one place (`errors`). The static description is `openapi.json` of `penstock_schemas`.
"""
