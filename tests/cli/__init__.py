"""Tests of the `rcu` command."""
