"""The database: its engine, the transaction at the edge, and the embedded PostgreSQL."""
