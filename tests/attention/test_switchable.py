"""Attentions that a reader may switch to: torch's kernel at another scale, sums on paper."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import attnviz
from attnviz.attention.core import STANDARD, attend
from attnviz.attention.parts import Parts, Score, combine, over
from attnviz.attention.scores.additive import additive
from attnviz.attention.scores.general import general
from attnviz.recorder import Recorder

H, G, T, S, K, E = 6, 2, 5, 7, 4, 9
EXACT: dict[str, Any] = {"atol": 1e-12, "rtol": 1e-12}


def qkv(t: int = T, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    make = torch.Generator().manual_seed(seed)
    shapes = ((1, H, t, K), (1, G, S, K), (1, G, S, E))
    return tuple(torch.randn(*shape, dtype=dtype, generator=make) for shape in shapes)


def kernel(q: Tensor, k: Tensor, v: Tensor, scale: float, causal: bool = False) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, scale=scale, is_causal=causal, enable_gqa=True)


def recorded(score: Score, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    rec = Recorder()
    attend(q, k, v, parts=over(STANDARD, Parts(score=score)), rec=rec)
    return rec.kept()["scores"].value[0]


@given(seed=st.integers(0, 2**32 - 1))
def test_the_dot_product_is_torchs_kernel_at_scale_one(seed: int) -> None:
    q, k, v = qkv(seed=seed)
    found = attnviz.attend("dot", q, k, v)["z"].value
    torch.testing.assert_close(found, kernel(q, k, v, 1.0)[0], **EXACT)


@given(seed=st.integers(0, 2**32 - 1), tau=st.floats(0.01, 100.0))
def test_a_temperature_is_torchs_kernel_at_a_smaller_scale(seed: int, tau: float) -> None:
    q, k, v = qkv(seed=seed)
    found = attnviz.attend("temperature", q, k, v, tau=tau)["z"].value
    expected = kernel(q, k, v, 1 / (tau * math.sqrt(K)))[0]
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)


def test_a_temperature_of_sqrt_d_head_over_the_dot_product_is_the_scaled_one() -> None:
    q, k, v = qkv()
    variants = attnviz.variants()
    both = combine(variants["dot"].build(), variants["temperature"].build(tau=math.sqrt(K)))
    torch.testing.assert_close(
        attend(q, k, v, parts=over(STANDARD, both)), attend(q, k, v), **EXACT
    )


def test_without_being_asked_the_temperature_is_one() -> None:
    q, k, v = qkv()
    found = attnviz.attend("temperature", q, k, v)["pattern"].value
    assert torch.equal(found, attnviz.attend("softmax", q, k, v)["pattern"].value)


@pytest.mark.parametrize("tau", [0.01, 1, 100])
def test_a_value_at_the_end_of_its_range_is_taken(tau: float) -> None:
    assert attnviz.variants()["temperature"].build(tau=tau).bias is not None


@pytest.mark.parametrize("tau", [0.0, 0.009, 100.1, -1.0, math.inf, math.nan])
def test_a_value_out_of_its_range_is_refused_with_the_range(tau: float) -> None:
    message = rf"^temperature: tau goes from 0\.01 to 100, not {tau}$"
    with pytest.raises(ValueError, match=message):
        attnviz.attend("temperature", *qkv(), tau=tau)


@pytest.mark.parametrize(("name", "known"), [("temperature", "tau"), ("dot", "none")])
def test_an_unknown_parameter_is_refused_with_the_known_ones(name: str, known: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} has no parameter heat; it has {known}$"):
        attnviz.variants()[name].build(heat=2.0)


@given(seed=st.integers(0, 2**32 - 1))
def test_softmax_without_the_maximum_is_softmax_for_moderate_scores(seed: int) -> None:
    q, k, v = qkv(seed=seed)
    naive = attnviz.attend("naive_softmax", q, k, v)
    torch.testing.assert_close(naive["z"].value, kernel(q, k, v, K**-0.5)[0], **EXACT)
    assert "max" not in naive


def test_softmax_without_the_maximum_is_no_number_where_an_exponential_overflows() -> None:
    q = torch.tensor([[0.0], [1.0], [1000.0]])[None, None]
    k, v = torch.tensor([[1.0], [0.5]])[None, None], torch.ones(1, 1, 2, 3)
    naive, stable = (attnviz.attend(name, q, k, v) for name in ("naive_softmax", "softmax"))
    assert naive["scores"].value.max() == 1000
    assert naive["pattern"].value.isnan().any(-1).tolist() == [[False, False, True]]
    assert naive["z"].value.isnan().all(-1).tolist() == [[False, False, True]]
    assert stable["pattern"].value[0, 2].tolist() == [1, 0]


def test_a_late_mask_is_softmax_over_all_keys_with_the_future_set_to_zero() -> None:
    q, k, v = qkv(t=S)
    trace = attnviz.attend("late_mask", q, k, v)
    pattern = trace["pattern"].value
    for h in range(H):
        for t in range(S):
            dots = [float(q[0, h, t] @ k[0, h // 3, s]) / math.sqrt(K) for s in range(S)]
            total = math.fsum(map(math.exp, dots))
            for s in range(S):
                expected = math.exp(dots[s]) / total if s <= t else 0.0
                assert float(pattern[h, t, s]) == pytest.approx(expected, abs=1e-14)
    assert (pattern.sum(-1)[:, :-1] < 1).all()
    torch.testing.assert_close(pattern.sum(-1)[:, -1], torch.ones(H).double(), **EXACT)
    last = kernel(q, k, v, K**-0.5, causal=True)[0, :, -1]
    torch.testing.assert_close(trace["z"].value[:, -1], last, **EXACT)


def test_a_late_mask_with_earlier_keys_lets_the_last_query_see_all() -> None:
    pattern = attnviz.attend("late_mask", *qkv())["pattern"].value
    future = torch.arange(T)[:, None] + S - T < torch.arange(S)
    assert (pattern == 0).eq(future).all()


def test_the_additive_score_is_the_loops() -> None:
    q, k, v = qkv()
    weights = torch.tensor([0.5, -1.25, 2.0, 0.75], dtype=torch.float64)
    found = recorded(additive(weights), q, k, v)
    for h, t, s in torch.cartesian_prod(*map(torch.arange, (H, T, S))).tolist():
        key, query = k[0, h // 3, s].tolist(), q[0, h, t].tolist()
        expected = sum(
            w * math.tanh(a + b) for w, a, b in zip(weights.tolist(), key, query, strict=True)
        )
        assert float(found[h, t, s]) == pytest.approx(expected, abs=1e-13)


def test_the_bilinear_score_is_the_loops() -> None:
    q, k, v = qkv()
    M = torch.randn(K, K, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    found = recorded(general(M), q, k, v)
    for h, t, s in torch.cartesian_prod(*map(torch.arange, (H, T, S))).tolist():
        expected = sum(
            float(k[0, h // 3, s, i]) * float(M[i, j]) * float(q[0, h, t, j])
            for i in range(K)
            for j in range(K)
        )
        assert float(found[h, t, s]) == pytest.approx(expected, abs=1e-13)


def test_the_bilinear_score_of_the_identity_is_the_dot_product() -> None:
    q, k, v = qkv()
    found = recorded(general(torch.eye(K, dtype=torch.float64)), q, k, v)
    torch.testing.assert_close(found, attnviz.attend("dot", q, k, v)["raw"].value, **EXACT)
