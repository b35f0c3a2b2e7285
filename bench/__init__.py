"""Measures how fast the service is on this machine; see README.md."""
