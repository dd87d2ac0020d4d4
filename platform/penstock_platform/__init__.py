"""The command line, the REST API, plugin discovery and configuration validation."""
