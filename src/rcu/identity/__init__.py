"""Which source records are one person: normalise, block, compare, score, partition."""
