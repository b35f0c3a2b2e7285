"""Figures for data teams: the attach rate."""
