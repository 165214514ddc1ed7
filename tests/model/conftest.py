"""torch's own attention with our weights, for the tests of the model."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from attnviz.attention.core import Attention

Theirs = Callable[[Attention], nn.MultiheadAttention]


@torch.no_grad()
def theirs(ours: Attention) -> nn.MultiheadAttention:
    """torch's attention that computes what `ours` does."""
    n_heads, d_model, _ = ours.W_Q.shape
    found = nn.MultiheadAttention(d_model, n_heads, batch_first=True, dtype=torch.float64)
    rows = [w.mT.flatten(0, 1) for w in (ours.W_Q, ours.W_K, ours.W_V)]
    found.in_proj_weight.copy_(torch.cat(rows))
    found.in_proj_bias.copy_(torch.cat([b.flatten() for b in (ours.b_Q, ours.b_K, ours.b_V)]))
    found.out_proj.weight.copy_(ours.W_O.flatten(0, 1).T)
    found.out_proj.bias.copy_(ours.b_O)
    return found.eval()


@pytest.fixture(scope="session")
def torchs_attention() -> Theirs:
    return theirs
