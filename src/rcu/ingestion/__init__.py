"""Messages from sources: received once, kept for ever, applied in one transaction."""
