"""The bulk engines."""
