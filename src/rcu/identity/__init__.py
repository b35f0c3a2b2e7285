"""Which records are one person: normalisation, scoring, partition."""
