"""Tests of the clients domain."""
