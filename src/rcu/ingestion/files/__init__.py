"""Files as a way in: CSV, JSON Lines and Parquet become the messages that sources send."""
