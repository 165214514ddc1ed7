"""Attention: the one data path, its exchangeable parts, and the variants that fill them."""
