"""Values made comparable: pure functions, one module per kind of value."""
