"""Normalizers: from masked scores to weights."""
