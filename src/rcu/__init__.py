"""The RCU: one client, one lasting id."""
