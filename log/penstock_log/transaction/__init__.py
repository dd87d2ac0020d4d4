"""Transactions: their coordinator, its topic `__transaction_state`, and the markers that end them."""
