"""The dead letters of connectors as people see them: listed, shown, and put back to where they came from."""
