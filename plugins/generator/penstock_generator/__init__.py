"""A source of realistic records at a set rate."""
