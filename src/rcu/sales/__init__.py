"""Stores, tickets, orders and events, and what they hang on."""
