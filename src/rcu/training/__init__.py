"""Training a match model on records whose truth nobody knows."""
