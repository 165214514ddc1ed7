"""Linear, recurrent and low-rank attention against published packages and exact definitions."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

import attnviz


def test_linear_matches_performer_pytorch(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    q, k, v = qkv(t=5, e=3)
    expected = package("performer_pytorch").performer_pytorch.linear_attention(
        functional.elu(q) + 1, functional.elu(k) + 1, v
    )
    agree("linear", attnviz.attend("linear", q, k, v)["z"].value, expected)


def test_linear_under_a_causal_mask_matches_fla(
    qkv: Callable, agree: Callable, fla: Callable[[str], Any]
) -> None:
    q, k, v = qkv()
    mask = torch.ones(9, 9, dtype=torch.bool).tril()
    recurrent = fla("ops/linear_attn/naive.py").naive_recurrent_linear_attn
    features = (x.transpose(1, 2) for x in (functional.elu(q) + 1, functional.elu(k) + 1, v))
    expected, _ = recurrent(*features, scale=1.0, normalize=True)
    found = attnviz.attend("linear", q, k, v, mask)["z"].value
    torch.testing.assert_close(found, expected.transpose(1, 2).to(found), atol=1e-6, rtol=0)
