"""One module for each kind of reference page; `docs/generate.py` runs them."""
