"""Normalizers against published packages and exact definitions."""

from collections.abc import Callable
from typing import Any

import pytest
from torch.nn import functional

import attnviz


def test_softmax_matches_torchs(qkv: Callable, agree: Callable) -> None:
    ours = attnviz.attend("softmax", *qkv())
    agree("softmax", ours["pattern"].value, ours["scores"].value.softmax(-1))


def test_naive_softmax_matches_torchs(qkv: Callable, agree: Callable) -> None:
    ours = attnviz.attend("naive_softmax", *qkv())
    agree("naive_softmax", ours["pattern"].value, ours["scores"].value.softmax(-1))


def test_late_mask_matches_the_definition(qkv: Callable, agree: Callable) -> None:
    ours = attnviz.attend("late_mask", *qkv())
    agree("late_mask", ours["pattern"].value, ours["scores"].value.softmax(-1).tril())


@pytest.mark.parametrize("tau", [0.05, 0.7, 1.0, 30.0])
def test_temperature_matches_torchs_kernel(qkv: Callable, agree: Callable, tau: float) -> None:
    q, k, v = qkv()
    expected = functional.scaled_dot_product_attention(q, k, v, scale=1 / (tau * 8**0.5))
    agree("temperature", attnviz.attend("temperature", q, k, v, tau=tau)["z"].value, expected)


@pytest.mark.parametrize("alpha", [1.05, 1.25, 1.5, 1.9, 2.0])
def test_entmax_matches_entmax_bisect(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], alpha: float
) -> None:
    q, k, v = qkv()
    ours = attnviz.attend("entmax", q, k, v, alpha=alpha)
    theirs = package("entmax").entmax_bisect(ours["scores"].value, alpha=alpha, n_iter=100)
    agree("entmax", ours["pattern"].value, theirs)
