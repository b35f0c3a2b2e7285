"""Whole sets of records at once: first loads and re-resolutions, on one machine or a cluster.

The set-wise work (who shares a key, which pairs there are, what is tied together) is SQL of an
*engine*: DuckDB on one machine, Spark on many. What is known of people (normalising, blocking
keys, levels, weights, guards, the partition of a component) is the code of `rcu.identity`, run over
batches of rows beside the engine. So the engines cannot disagree: none compares anything itself.
"""
