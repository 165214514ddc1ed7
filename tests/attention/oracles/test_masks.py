"""Masks against published packages and exact definitions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

import attnviz


def test_causal_matches_torchs_kernel(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv()
    expected = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    agree("causal", attnviz.attend("causal", q, k, v)["z"].value, expected)


def test_bidirectional_matches_torchs_multi_head_attention(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(h=1, g=1)
    module = torch.nn.MultiheadAttention(8, 1, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.eye(8).repeat(3, 1))
        module.out_proj.weight.copy_(torch.eye(8))
    padded = torch.arange(9) > 6
    expected, _ = module(q[:, 0], k[:, 0], v[:, 0], key_padding_mask=padded.expand(2, 9))
    ours = attnviz.attend("bidirectional", q, k, v, ~padded)["z"].value
    agree("bidirectional", ours[:, 0], expected.detach())


@pytest.mark.parametrize("window", [1, 4, 9])
def test_sliding_window_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], window: int
) -> None:
    q, k, v = qkv()
    places = torch.arange(9)
    theirs = package("transformers.masking_utils").sliding_window_causal_mask_function(window)
    mask = theirs(0, 0, places[:, None], places)
    expected = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    agree(
        "sliding_window",
        attnviz.attend("sliding_window", q, k, v, window=window)["z"].value,
        expected,
    )
