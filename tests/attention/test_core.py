"""The one data path of attention agrees with torch's own kernel and with the sum on paper."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from attnviz.attention.core import STANDARD, Attention, attend
from attnviz.attention.masks.causal import causal
from attnviz.attention.masks.padding import padding
from attnviz.attention.parts import Parts, combine, over
from attnviz.recorder import SILENT, Recorder
from attnviz.trace import Trace

CAUSAL = over(STANDARD, Parts(allow=causal))
B, H, G, T, S, K, E = 2, 6, 3, 5, 7, 4, 9
EXACT: dict[str, Any] = {"atol": 1e-12, "rtol": 1e-12}


def qkv(
    n_batch: int = B, h: int = H, g: int = H, t: int = T, s: int = S, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    make = torch.Generator().manual_seed(seed)
    shapes = ((n_batch, h, t, K), (n_batch, g, s, K), (n_batch, g, s, E))
    q, k, v = (torch.randn(*shape, dtype=torch.float64, generator=make) for shape in shapes)
    return q, k, v


def recorded(
    q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None = None, parts: Parts = STANDARD
) -> dict[str, Tensor]:
    rec = Recorder()
    attend(q, k, v, allowed, parts, rec)
    return {path: kept.value for path, kept in rec.kept().items()}


def test_bidirectional_attention_is_torchs_kernel() -> None:
    q, k, v = qkv()
    expected = F.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(attend(q, k, v), expected, **EXACT)


def test_causal_attention_is_torchs_kernel() -> None:
    q, k, v = qkv(t=T, s=T)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(attend(q, k, v, parts=CAUSAL), expected, **EXACT)


def test_with_earlier_keys_the_last_query_stands_at_the_last_key() -> None:
    whole, k, v = qkv(t=S, s=S)
    expected = F.scaled_dot_product_attention(whole, k, v, is_causal=True)[:, :, S - T :]
    found = attend(whole[:, :, S - T :], k, v, parts=CAUSAL)
    torch.testing.assert_close(found, expected, **EXACT)


@pytest.mark.parametrize("t", [1, T, S])
def test_a_padding_mask_is_torchs_boolean_mask(t: int) -> None:
    q, k, v = qkv(t=t)
    real_BS = torch.arange(S) < torch.tensor([[S], [4]])
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=real_BS[:, None, None, :])
    torch.testing.assert_close(attend(q, k, v, padding(real_BS)), expected, **EXACT)


def test_a_padding_mask_and_the_causal_mask_act_together() -> None:
    q, k, v = qkv(t=S)
    real_BS = torch.arange(S) < torch.tensor([[S], [4]])
    both = real_BS[:, None, None, :] & (torch.arange(S)[:, None] >= torch.arange(S))
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=both)
    torch.testing.assert_close(attend(q, k, v, padding(real_BS), CAUSAL), expected, **EXACT)


@pytest.mark.parametrize("g", [1, 2, G])
def test_grouped_heads_are_torchs_grouped_heads(g: int) -> None:
    q, k, v = qkv(g=g)
    expected = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    torch.testing.assert_close(attend(q, k, v), expected, **EXACT)


def test_in_float32_the_path_agrees_with_torchs_kernel() -> None:
    q, k, v = (x.float() for x in qkv())
    expected = F.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(attend(q, k, v), expected, atol=1e-5, rtol=1e-5)


def test_nested_loops_give_the_same_numbers() -> None:
    q, k, v = qkv(n_batch=1, h=2, g=2, t=3, s=3)
    pattern, z = recorded(q, k, v, parts=CAUSAL)["pattern"], attend(q, k, v, parts=CAUSAL)
    for h in range(2):
        for t in range(3):
            weights = []
            for s in range(t + 1):
                dot = sum(float(q[0, h, t, i]) * float(k[0, h, s, i]) for i in range(K))
                weights.append(math.exp(dot / math.sqrt(K)))
            for s, weight in enumerate(weights):
                assert float(pattern[0, h, t, s]) == pytest.approx(weight / sum(weights), abs=1e-14)
            for e in range(E):
                mixed = sum(w * float(v[0, h, s, e]) for s, w in enumerate(weights))
                assert float(z[0, h, t, e]) == pytest.approx(mixed / sum(weights), abs=1e-14)


def test_a_masked_cell_is_exactly_zero_and_only_a_masked_cell_is() -> None:
    q, k, v = qkv(t=S)
    pattern = recorded(q, k, v, parts=CAUSAL)["pattern"]
    future = torch.arange(S)[:, None] < torch.arange(S)
    assert (pattern == 0).eq(future).all()


def test_a_query_with_nothing_allowed_gets_zeros_not_nan() -> None:
    q, k, v = qkv()
    allowed = torch.ones(T, S, dtype=torch.bool)
    allowed[2] = False
    kept = recorded(q, k, v, allowed)
    assert (kept["pattern"][:, :, 2] == 0).all()
    assert (kept["z"][:, :, 2] == 0).all()
    torch.testing.assert_close(kept["pattern"].sum(-1)[0, 0], allowed.any(-1).double(), **EXACT)


def test_a_query_with_nothing_allowed_has_finite_gradients() -> None:
    q, k, v = (x.requires_grad_() for x in qkv())
    attend(q, k, v, torch.zeros(T, S, dtype=torch.bool)).sum().backward()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in (q, k, v))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_large_scores_do_not_overflow(dtype: torch.dtype) -> None:
    q = torch.full((1, 1, 2, 4), 100.0, dtype=dtype)
    k = torch.tensor([1.0, 0.5, -1.0], dtype=dtype)[:, None].expand(1, 1, 3, 4) * 50
    kept = recorded(q, k, torch.eye(3, dtype=dtype)[None, None])
    assert kept["scores"].max() == 1e4
    assert kept["pattern"][0, 0, 0].tolist() == [1.0, 0.0, 0.0]


def test_the_gradient_is_that_of_torchs_kernel() -> None:
    (q, k, v), (q2, k2, v2) = ([x.requires_grad_() for x in qkv(g=H, t=S)] for _ in range(2))
    attend(q, k, v, parts=CAUSAL).square().sum().backward()
    F.scaled_dot_product_attention(q2, k2, v2, is_causal=True).square().sum().backward()
    for mine, reference in ((q, q2), (k, k2), (v, v2)):
        torch.testing.assert_close(mine.grad, reference.grad, atol=1e-11, rtol=1e-11)


def test_each_recorded_step_follows_from_the_steps_before() -> None:
    q, k, v = qkv(t=S)
    kept = recorded(q, k, v, parts=CAUSAL)
    assert list(kept) == [
        *("raw", "scaled", "scores", "allowed", "masked"),
        *("max", "exp", "sum", "pattern", "z"),
    ]
    past = torch.arange(S)[:, None] >= torch.arange(S)
    expected = {
        "raw": torch.einsum("bhtk,bhsk->bhts", q, k),
        "scaled": kept["raw"] / math.sqrt(K),
        "scores": kept["scaled"],
        "masked": torch.where(past, kept["scores"], torch.tensor(-math.inf, dtype=q.dtype)),
        "max": kept["masked"].max(-1, keepdim=True).values,
        "exp": torch.e ** (kept["masked"] - kept["max"]),
        "sum": torch.einsum("bhts->bht", kept["exp"])[..., None],
        "pattern": kept["exp"] / kept["sum"],
        "z": torch.einsum("bhts,bhse->bhte", kept["pattern"], v),
    }
    for name, value in expected.items():
        torch.testing.assert_close(kept[name], value, **EXACT, msg=lambda m, n=name: f"{n}: {m}")


def test_recording_does_not_change_a_bit() -> None:
    q, k, v = qkv()
    assert torch.equal(attend(q, k, v, rec=Recorder()), attend(q, k, v, rec=SILENT))


@pytest.mark.parametrize("name", ["raw", "scaled", "scores", "masked", "exp", "pattern", "z"])
def test_an_edit_of_any_step_reaches_the_output(name: str) -> None:
    q, k, v = qkv()
    rec = Recorder({name: lambda value: value * torch.linspace(0.5, 2, value.shape[-1]).double()})
    edited = attend(q, k, v, rec=rec)
    assert not torch.allclose(edited, attend(q, k, v))


def test_an_edit_in_place_leaves_the_steps_before_as_they_were() -> None:
    q, k, v = qkv()
    edited = Recorder({"scores": lambda value: value.zero_()})
    attend(q, k, v, rec=edited)
    assert torch.equal(edited.kept()["scaled"].value, recorded(q, k, v)["scaled"])
    assert (edited.kept()["scores"].value == 0).all()


def test_what_is_computed_again_is_to_the_last_bit_what_was_used() -> None:
    q, k, v = (x.float() for x in qkv(t=7, s=6))
    rec = Recorder()
    attend(q, k, v, rec=rec)
    found = {path: kept.value for path, kept in rec.kept().items()}
    assert torch.equal(found["raw"] * q.shape[-1] ** -0.5, found["scaled"])
    assert torch.equal(found["exp"] / found["sum"], found["pattern"])


def test_recording_lets_gradients_through() -> None:
    q, k, v = (x.requires_grad_() for x in qkv())
    attend(q, k, v, rec=Recorder()).sum().backward()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in (q, k, v))


def test_two_variants_that_fill_one_part_are_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="both variants fill the part 'allow'"):
        combine(Parts(allow=causal), CAUSAL)


def test_combined_parts_hold_both_variants() -> None:
    both = combine(Parts(allow=causal), Parts(score=STANDARD.score, normalize=STANDARD.normalize))
    q, k, v = qkv(t=S)
    assert torch.equal(attend(q, k, v, parts=both), attend(q, k, v, parts=CAUSAL))


def test_the_layer_reads_q_from_x_and_k_and_v_from_y() -> None:
    torch.manual_seed(1)
    layer = Attention(d_model=10, n_heads=H, n_kv_heads=G, d_head=K).double()
    for bias in (layer.b_Q, layer.b_K, layer.b_V, layer.b_O):
        torch.nn.init.normal_(bias)
    x, y = torch.randn(B, T, 10).double(), torch.randn(B, S, 10).double()
    rec = Recorder()
    out = layer(x, y, rec=rec)
    kept = {path: found.value for path, found in rec.kept().items()}
    for h in range(H):
        torch.testing.assert_close(kept["q"][:, h], x @ layer.W_Q[h] + layer.b_Q[h], **EXACT)
    for g in range(G):
        torch.testing.assert_close(kept["k"][:, g], y @ layer.W_K[g] + layer.b_K[g], **EXACT)
        torch.testing.assert_close(kept["v"][:, g], y @ layer.W_V[g] + layer.b_V[g], **EXACT)
    summed = sum(kept["z"][:, h] @ layer.W_O[h] for h in range(H)) + layer.b_O
    torch.testing.assert_close(out, summed, **EXACT)


sizes = st.integers(1, 6)


@given(t=sizes, s=sizes, g=st.integers(1, 3), n=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_rows_sum_to_one_where_anything_is_allowed(
    t: int, s: int, g: int, n: int, seed: int
) -> None:
    q, k, v = qkv(h=g * n, g=g, t=t, s=s, seed=seed)
    allowed = torch.rand(B, 1, t, s, generator=torch.Generator().manual_seed(seed)) < 0.5
    pattern = recorded(q * 10, k, v, allowed)["pattern"]
    assert (pattern >= 0).all()
    assert (pattern[~allowed.expand_as(pattern)] == 0).all()
    sums = allowed.any(-1).double().expand(B, g * n, t)
    torch.testing.assert_close(pattern.sum(-1), sums, **EXACT)


@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-1e3, 1e3))
def test_moving_all_keys_alike_changes_no_weight(seed: int, shift: float) -> None:
    q, k, v = qkv(seed=seed)
    moved = recorded(q, k + shift * torch.ones(K, dtype=q.dtype), v)["pattern"]
    torch.testing.assert_close(moved, recorded(q, k, v)["pattern"], atol=1e-9, rtol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_keys_does_not_matter_without_a_mask(seed: int) -> None:
    q, k, v = qkv(seed=seed)
    order = torch.randperm(S, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(attend(q, k[:, :, order], v[:, :, order]), attend(q, k, v), **EXACT)


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, S - 1))
def test_a_later_key_never_changes_an_earlier_causal_row(seed: int, cut: int) -> None:
    q, k, v = qkv(t=S, seed=seed)
    other_k, other_v = k.clone(), v.clone()
    other_k[:, :, cut:] += 3.0
    other_v[:, :, cut:] -= 5.0
    before, after = attend(q, k, v, parts=CAUSAL), attend(q, other_k, other_v, parts=CAUSAL)
    assert torch.equal(before[:, :, :cut], after[:, :, :cut])
    assert not torch.equal(before[:, :, cut:], after[:, :, cut:])


def test_a_recorded_path_makes_a_trace_whose_values_fit_their_axes() -> None:
    q, k, v = qkv(n_batch=1)
    rec = Recorder()
    attend(q, k, v, rec=rec)
    trace = Trace.of(rec)
    assert (trace["pattern"].axes, trace["pattern"].value.shape) == ("H T S", (H, T, S))
    assert (trace["max"].axes, trace["max"].value.shape) == ("H T 1", (H, T, 1))
