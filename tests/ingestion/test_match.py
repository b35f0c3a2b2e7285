"""Matching: the client whom a profile is of, as ingestion would decide, with nothing written."""
