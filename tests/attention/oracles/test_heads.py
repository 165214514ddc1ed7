"""Head structures against published packages and exact definitions."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

import attnviz


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_gqa_matches_torchs_kernel(qkv: Callable, agree: Callable, groups: int) -> None:
    q, k, v = qkv()
    keys, values = (
        torch.stack([part.mean(1) for part in x.split(6 // groups, dim=1)], dim=1) for x in (k, v)
    )
    expected = functional.scaled_dot_product_attention(q, keys, values, enable_gqa=True)
    agree("gqa", attnviz.attend("gqa", q, k, v, groups=groups)["z"].value, expected)


def test_gqa_of_given_groups_matches_torchs_kernel(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(g=2)
    expected = functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    agree("gqa", attnviz.attend("gqa", q, k, v, groups=2)["z"].value, expected)
