"""Positions against published packages and exact definitions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

import attnviz


@pytest.mark.parametrize("heads", [1, 3, 8, 12])
def test_alibi_matches_bloom(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], heads: int
) -> None:
    q, k, v = qkv(h=heads, g=heads)
    bloom = package("transformers.models.bloom.modeling_bloom")
    ones = torch.ones(1, 9, dtype=torch.long)
    slopes = bloom.build_alibi_tensor(ones, heads, torch.float64).view(heads, 1, 9)[..., 1:2]
    places = torch.arange(9)
    bias = -slopes * (places[:, None] - places).abs()
    expected = functional.scaled_dot_product_attention(
        q, k, v, attn_mask=bias.expand(2, -1, -1, -1)
    )
    agree("alibi", attnviz.attend("alibi", q, k, v)["z"].value, expected)
