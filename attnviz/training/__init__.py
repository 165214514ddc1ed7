"""Recipes' loop, data sets and metrics. No layer of the app imports this package."""
