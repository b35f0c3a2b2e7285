"""The client as served: golden record, 360 view, look-up, search, timeline."""
