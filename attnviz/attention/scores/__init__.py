"""Scoring functions: how well a query and a key match."""
