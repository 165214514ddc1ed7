"""Padding mask: the fill tokens that make a batch rectangular are never attended to."""

from torch import Tensor


def padding(real_BS: Tensor) -> Tensor:
    """Boolean B11S from True-where-real BS: every head and query sees the real keys only."""
    return real_BS[:, None, None, :]
