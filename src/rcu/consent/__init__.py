"""Consents: purposes, and the proof of who agreed to what, when, how and by which words."""
