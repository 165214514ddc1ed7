"""Rotary positions against published packages, and what must hold of them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import attnviz
from attnviz.error import InputError

Package = Callable[[str], Any]
EVERY = ("rope", "rope_linear", "rope_ntk", "rope_yarn", "rope_llama3", "xpos")
every = pytest.mark.parametrize("name", EVERY)
both = pytest.mark.parametrize("layout", ["half", "interleaved"])


def neighbours(x: Tensor) -> Tensor:
    """Dimensions m and m + d/2 put beside each other."""
    return torch.stack(x.chunk(2, -1), -1).flatten(-2)


def llama(
    package: Package, q: Tensor, k: Tensor, v: Tensor, rope: dict[str, Any], length: int = 9
) -> Tensor:
    """The output of transformers' rotary embedding and torch's kernel."""
    config = package("transformers").LlamaConfig(
        hidden_size=q.shape[-1],
        num_attention_heads=1,
        max_position_embeddings=length,
        rope_parameters=rope,
    )
    module = package("transformers.models.llama.modeling_llama")
    cos, sin = module.LlamaRotaryEmbedding(config)(v, torch.arange(k.shape[2])[None])
    q, k = module.apply_rotary_pos_emb(q, k, cos, sin)
    return functional.scaled_dot_product_attention(q, k, v)


@pytest.mark.parametrize("base", [10.0, 10_000.0, 500_000.0])
def test_rope_matches_transformers_llama(
    qkv: Callable, agree: Callable, package: Package, base: float
) -> None:
    q, k, v = qkv()
    expected = llama(package, q, k, v, {"rope_type": "default", "rope_theta": base})
    agree("rope", attnviz.attend("rope", q, k, v, base=base)["z"].value, expected)


def test_rope_in_neighbours_matches_rotary_embedding_torch(
    qkv: Callable, agree: Callable, package: Package
) -> None:
    q, k, v = qkv()
    module = package("rotary_embedding_torch").RotaryEmbedding(8)
    q_turned, k_turned = (module.rotate_queries_or_keys(x) for x in (q, k))
    expected = functional.scaled_dot_product_attention(q_turned, k_turned, v)
    ours = attnviz.attend("rope", q, k, v, layout="interleaved")
    agree("rope", ours["z"].value, expected.detach())
    agree("rope", ours["q_rotated"].value, q_turned.detach())


def test_rope_turns_neighbours_as_complex_numbers(qkv: Callable) -> None:
    q, k, v = qkv()
    speed = 50.0 ** (-torch.arange(4, dtype=torch.float64) / 4)
    turn = torch.polar(torch.ones(9, 4, dtype=torch.float64), torch.arange(9)[:, None] * speed)
    asked, known = (torch.view_as_complex(x.unflatten(-1, (4, 2))) * turn for x in (q, k))
    scores = torch.einsum("bhtm,bhsm->bhts", asked, known.conj()).real / 8**0.5
    ours = attnviz.attend("rope", q, k, v, layout="interleaved", base=50.0)
    torch.testing.assert_close(ours["scores"].value, scores, atol=1e-13, rtol=0)


def test_rope_with_fewer_queries_matches_rotary_embedding_torch(
    qkv: Callable, agree: Callable, package: Package
) -> None:
    q, k, v = qkv(t=4)
    module = package("rotary_embedding_torch").RotaryEmbedding(8)
    q_turned, k_turned = module.rotate_queries_with_cached_keys(q, k)
    expected = functional.scaled_dot_product_attention(q_turned, k_turned, v)
    ours = attnviz.attend("rope", q, k, v, layout="interleaved")
    agree("rope", ours["z"].value, expected.detach())


@pytest.mark.parametrize("factor", [1.0, 4.0, 50.0])
def test_rope_linear_matches_transformers(
    qkv: Callable, agree: Callable, package: Package, factor: float
) -> None:
    q, k, v = qkv()
    rope = {"rope_type": "linear", "rope_theta": 100.0, "factor": factor}
    ours = attnviz.attend("rope_linear", q, k, v, base=100.0, factor=factor)
    agree("rope_linear", ours["z"].value, llama(package, q, k, v, rope))


@pytest.mark.parametrize("trained", [2, 4, 9, 100])
def test_rope_ntk_matches_transformers(
    qkv: Callable, agree: Callable, package: Package, trained: int
) -> None:
    q, k, v = qkv()
    rope = {"rope_type": "dynamic", "rope_theta": 100.0, "factor": 3.0}
    ours = attnviz.attend("rope_ntk", q, k, v, base=100.0, factor=3.0, trained=trained)
    agree("rope_ntk", ours["z"].value, llama(package, q, k, v, rope, trained))


@pytest.mark.parametrize("trained", [8, 64, 512, 100_000])
@pytest.mark.parametrize("factor", [1.0, 16.0])
def test_rope_yarn_matches_transformers(
    qkv: Callable, agree: Callable, package: Package, trained: int, factor: float
) -> None:
    q, k, v = qkv(k=16, e=16)
    rope = {"rope_type": "yarn", "rope_theta": 1000.0, "factor": factor}
    rope |= {"beta_fast": 20.0, "beta_slow": 0.5, "original_max_position_embeddings": trained}
    turns: dict[str, Any] = {"fast": 20.0, "slow": 0.5}
    ours = attnviz.attend(
        "rope_yarn", q, k, v, base=1000.0, factor=factor, trained=trained, **turns
    )
    agree("rope_yarn", ours["z"].value, llama(package, q, k, v, rope))


@pytest.mark.parametrize("trained", [8, 64, 512, 100_000])
def test_rope_llama3_matches_transformers(
    qkv: Callable, agree: Callable, package: Package, trained: int
) -> None:
    q, k, v = qkv(k=16, e=16)
    rope = {"rope_type": "llama3", "rope_theta": 1000.0, "factor": 8.0}
    rope |= {"low_freq_factor": 0.5, "high_freq_factor": 6.0}
    rope |= {"original_max_position_embeddings": trained}
    turns: dict[str, Any] = {"slow": 0.5, "fast": 6.0}
    ours = attnviz.attend("rope_llama3", q, k, v, base=1000.0, trained=trained, **turns)
    agree("rope_llama3", ours["z"].value, llama(package, q, k, v, rope))


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize("scale_base", [16, 512])
def test_xpos_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Package, t: int, scale_base: int
) -> None:
    q, k, v = qkv(t=t)
    module = package("x_transformers.x_transformers")
    angles, scale = module.RotaryEmbedding(8, use_xpos=True, scale_base=scale_base)(torch.arange(9))
    q_faded = module.apply_rotary_pos_emb(q, angles, scale)
    k_faded = module.apply_rotary_pos_emb(k, angles, scale**-1)
    mask = torch.ones(t, 9, dtype=torch.bool).tril(9 - t)
    expected = functional.scaled_dot_product_attention(q_faded, k_faded, v, attn_mask=mask)
    ours = attnviz.attend(
        "xpos+causal", q, k, v, layout="interleaved", scale_base=float(scale_base)
    )
    agree("xpos", ours["z"].value, expected)


@every
def test_the_layouts_differ_by_an_order_of_the_dimensions(qkv: Callable, name: str) -> None:
    q, k, v = qkv()
    apart = attnviz.attend(name, q, k, v, layout="half")
    beside = attnviz.attend(name, neighbours(q), neighbours(k), v, layout="interleaved")
    torch.testing.assert_close(
        neighbours(apart["q_rotated"].value), beside["q_rotated"].value, atol=1e-12, rtol=0
    )
    torch.testing.assert_close(apart["z"].value, beside["z"].value, atol=1e-12, rtol=0)
    mixed = attnviz.attend(name, q, k, v, layout="interleaved")["scores"].value
    assert not torch.allclose(apart["scores"].value, mixed, atol=1e-3)


@every
@both
def test_scores_depend_on_the_distance_only(qkv: Callable, name: str, layout: str) -> None:
    q, k, v = qkv()
    q, k = (x[:, :, :1].expand(-1, -1, 9, -1) for x in (q, k))
    scores = attnviz.attend(name, q, k, v, layout=layout)["scores"].value
    torch.testing.assert_close(scores[..., 1:, 1:], scores[..., :-1, :-1], atol=1e-12, rtol=0)
    assert not torch.allclose(scores[..., 1:, :], scores[..., :-1, :], atol=1e-3)


@every
@both
def test_the_last_query_stands_at_the_last_key(qkv: Callable, name: str, layout: str) -> None:
    q, k, v = qkv()
    whole = attnviz.attend(name, q, k, v, layout=layout)["z"].value
    last = attnviz.attend(name, q[:, :, 5:], k, v, layout=layout)["z"].value
    torch.testing.assert_close(last, whole[:, :, 5:], atol=1e-12, rtol=0)


@both
def test_turning_keeps_lengths_and_leaves_the_first_place(qkv: Callable, layout: str) -> None:
    q, k, v = qkv()
    trace = attnviz.attend("rope", q, k, v, layout=layout)
    for name in ("q", "k"):
        before, after = trace[name].value, trace[f"{name}_rotated"].value
        torch.testing.assert_close(after.norm(dim=-1), before.norm(dim=-1), atol=1e-12, rtol=0)
        torch.testing.assert_close(after[:, :, 0], before[:, :, 0], atol=0, rtol=0)


def test_yarn_keeps_fast_pairs_slows_slow_ones_and_raises_scores(qkv: Callable) -> None:
    q, k, v = qkv(k=16)
    trace = attnviz.attend("rope_yarn", q, k, v, factor=8.0, trained=512)
    ratio = (trace["slowed"].value / trace["frequency"].value)[0, :8]
    torch.testing.assert_close(ratio[:1], torch.ones(1, dtype=torch.float64))
    torch.testing.assert_close(ratio[-2:], torch.full((2,), 1 / 8, dtype=torch.float64))
    assert (ratio.diff() <= 0).all()
    raised = trace["q_raised"].value.norm() / trace["q"].value.norm()
    assert float(raised) == pytest.approx(1.2079441541679836**2)


def test_ntk_keeps_the_fastest_pair_and_slows_the_slowest_by_the_growth(qkv: Callable) -> None:
    trace = attnviz.attend("rope_ntk", *qkv(), factor=2.0, trained=3)
    ratio = (trace["slowed"].value / trace["frequency"].value)[0, :4]
    assert ratio[0] == 1
    assert float(ratio[3]) == pytest.approx(1 / (2 * 9 / 3 - 1))


def test_xpos_lets_far_keys_fade(qkv: Callable) -> None:
    q, _, v = qkv()
    slow = torch.zeros_like(q)
    slow[..., [3, 7]] = 1  # the slowest pair, which hardly turns
    scores = attnviz.attend("xpos", slow, slow, v, base=1e7, scale_base=16.0)["scores"].value
    row = scores[0, 0, -1]
    assert row[0] < row[4] < row[8]


@every
def test_an_odd_width_is_refused(qkv: Callable, name: str) -> None:
    with pytest.raises(InputError, match="even, not 7") as found:
        attnviz.attend(name, *qkv(k=7))
    assert found.value.code == "even"


def test_turning_composes_with_other_parts(qkv: Callable) -> None:
    for name in ("rope+alibi+sliding_window+entmax", "gqa+rope_yarn", "mla", "rope+linear"):
        assert attnviz.attend(name, *qkv(g=2))["z"].value.isfinite().all()


@every
@both
def test_shared_keys_are_turned_as_every_heads_own(qkv: Callable, name: str, layout: str) -> None:
    q, k, v = qkv(g=2)
    own_k, own_v = (x.repeat_interleave(3, dim=1) for x in (k, v))
    expected = attnviz.attend(name, q, own_k, own_v, layout=layout)["z"].value
    found = attnviz.attend(name, q, k, v, layout=layout)["z"].value
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
