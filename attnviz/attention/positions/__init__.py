"""Positions: how the order of the tokens reaches the scores."""
