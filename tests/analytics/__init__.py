"""Tests of the figures for data teams."""
