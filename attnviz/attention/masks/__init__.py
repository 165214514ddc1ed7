"""Masks: which query may look at which key."""
