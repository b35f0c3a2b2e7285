"""The HTTP shell: limits, problem documents, request context, health, cursors."""
