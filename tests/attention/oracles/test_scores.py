"""Scoring functions against published packages and exact definitions."""

from collections.abc import Callable

import torch
from torch.nn import functional

import attnviz


def test_dot_matches_torchs_kernel(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5)
    expected = functional.scaled_dot_product_attention(q, k, v, scale=1.0)
    agree("dot", attnviz.attend("dot", q, k, v)["z"].value, expected)


def test_scaled_dot_matches_torchs_kernel(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5)
    expected = functional.scaled_dot_product_attention(q, k, v)
    agree("scaled_dot", attnviz.attend("scaled_dot", q, k, v)["z"].value, expected)


def test_general_matches_torchs_bilinear(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5)
    M = torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    keys, queries = torch.broadcast_tensors(k[:, :, None], q[:, :, :, None])
    scores = functional.bilinear(keys.contiguous(), queries.contiguous(), M[None])[..., 0]
    ours = attnviz.attend("general", q, k, v, M=M)
    agree("general", ours["pattern"].value, scores.softmax(-1))
