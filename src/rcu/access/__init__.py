"""Who may do what: sources, API keys and their scopes."""
