"""Alignment models: attention that moves along the source from one target token to the next."""
