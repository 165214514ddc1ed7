"""Head structures against published packages and exact definitions."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import attnviz
from attnviz.error import InputError

Package = Callable[[str], Any]


class Given(nn.Module):
    """A projection that gives what it was told, whatever it is asked."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.x = x

    def forward(self, _: Tensor) -> Tensor:
        return self.x


def joined(x: Tensor) -> Tensor:
    """B H T K -> B T (H K): the heads one after the other, as packages have them."""
    return x.transpose(1, 2).flatten(2)


def normal(*shape: int, seed: int = 7) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def causal(t: int, s: int) -> Tensor:
    return torch.ones(t, s, dtype=torch.bool).tril(s - t)


def torchs(n_heads: int, width: int) -> nn.MultiheadAttention:
    """Torch's module with projections that change nothing."""
    module = nn.MultiheadAttention(width, n_heads, bias=False, batch_first=True)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.eye(width).repeat(3, 1))
        module.out_proj.weight.copy_(torch.eye(width))
    return module.double()


def unturned(t: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of no rotation."""
    one = torch.ones(1, t, width, dtype=torch.float64)
    return one, one * 0


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


@pytest.mark.parametrize("heads", [1, 2, 6])
def test_mha_matches_torchs_multi_head_attention(
    qkv: Callable, agree: Callable, heads: int
) -> None:
    q, k, v = qkv(h=heads, g=heads)
    ours = attnviz.attend("mha", q, k, v)
    out, maps = torchs(heads, 8 * heads)(
        joined(q), joined(k), joined(v), average_attn_weights=False
    )
    agree("mha", joined(ours["z"].value), out.detach())
    agree("mha", ours["pattern"].value, maps.detach())


def test_single_head_matches_torchs_kernel(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5, e=3)
    expected = functional.scaled_dot_product_attention(joined(q), joined(k), joined(v))
    ours = attnviz.attend("single_head", q, k, v)
    agree("single_head", joined(ours["z"].value), expected)
    assert (ours["pattern"].value == ours["pattern"].value[:, :1]).all()


def test_a_single_head_of_one_head_is_that_head(qkv: Callable) -> None:
    q, k, v = qkv(h=1, g=1)
    one, many = (attnviz.attend(name, q, k, v)["z"].value for name in ("single_head", "mha"))
    torch.testing.assert_close(one, many, atol=1e-14, rtol=0)


@pytest.mark.parametrize(("t", "s"), [(5, 9), (9, 5), (1, 4)])
def test_cross_attention_matches_torchs_multi_head_attention(
    qkv: Callable, agree: Callable, t: int, s: int
) -> None:
    q, k, v = qkv(t=t, s=s)
    real = torch.arange(s) < s - 1
    padded = (~real).expand(2, s)
    out, _ = torchs(6, 48)(joined(q), joined(k), joined(v), key_padding_mask=padded)
    ours = attnviz.attend("cross_attention", q, k, v, real)
    agree("cross_attention", joined(ours["z"].value), out.detach())


@pytest.mark.parametrize("heads", [2, 6])
def test_mqa_matches_keras(
    qkv: Callable,
    agree: Callable,
    package: Package,
    monkeypatch: pytest.MonkeyPatch,
    heads: int,
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras, (q, k, v) = package("keras"), qkv(h=heads, g=heads)
    layer = keras.layers.GroupQueryAttention(8, heads, 1, use_bias=False, dtype="float64")
    one = torch.eye(8 * heads, dtype=torch.float64).view(8 * heads, heads, 8)
    averaged = one.mean(1, keepdim=True)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        layer.build(*(joined(x).shape for x in (q, v, k)))
        kernels = [one, averaged, averaged, one.view(8 * heads, heads, 8).permute(1, 2, 0)]
        layer.set_weights([kernel.numpy() for kernel in kernels])
        expected = layer(joined(q), joined(v), joined(k))
    agree("mqa", joined(attnviz.attend("mqa", q, k, v)["z"].value), expected)


def test_mqa_of_heads_that_are_alike_is_multi_head_attention(qkv: Callable) -> None:
    q, k, v = qkv()
    k, v = (x[:, :1].expand(-1, 6, -1, -1) for x in (k, v))
    one, many = (attnviz.attend(name, q, k, v)["z"].value for name in ("mqa", "mha"))
    torch.testing.assert_close(one, many, atol=1e-14, rtol=0)


@pytest.mark.parametrize("rope", [2, 4, 6])
def test_mla_matches_transformers_deepseek(
    qkv: Callable, agree: Callable, package: Package, rope: int
) -> None:
    q, k, v = qkv(e=3)
    config = package("transformers").DeepseekV3Config(
        hidden_size=48,
        num_attention_heads=6,
        num_key_value_heads=6,
        q_lora_rank=None,
        kv_lora_rank=5,
        qk_rope_head_dim=rope,
        qk_nope_head_dim=8 - rope,
        v_head_dim=3,
        attn_implementation="eager",
    )
    deepseek = package("transformers.models.deepseek_v3.modeling_deepseek_v3")
    module = deepseek.DeepseekV3Attention(config, 0).double()
    ours = attnviz.attend("mla", q, k, v, causal(9, 9), rank=5, rope=rope)
    weights = ours.weights
    up = torch.cat([weights["W_UK"][:, : 8 - rope], weights["W_UV"]], 1).flatten(0, 1)
    turned = weights["W_KR"][8 - rope :]
    with torch.no_grad():
        module.kv_a_proj_with_mqa.weight.copy_(torch.cat([weights["W_DKV"], turned]).flatten(1))
        module.kv_b_proj.weight.copy_(up)
        module.q_proj, module.o_proj = Given(joined(q)), nn.Identity()
        pairs = torch.arange(0, rope, 2, dtype=torch.float64)
        angles = torch.arange(9)[:, None] * 10_000 ** (-pairs / rope)
        angles = torch.cat([angles, angles], -1)[None]
        mask = torch.zeros(9, 9, dtype=torch.float64).masked_fill(~causal(9, 9), -torch.inf)
        out, _ = module(joined(k), (angles.cos(), angles.sin()), mask[None, None])
    agree("mla", joined(ours["z"].value), out)


def test_mla_absorbed_is_mla_unpacked(qkv: Callable) -> None:
    q, k, v = qkv(e=3)
    ours = attnviz.attend("mla", q, k, v, rank=5, rope=2)
    w, latent = ours.weights, ours["latent"].value
    asked = torch.einsum("bhtk,hkr->bhtr", q[..., :6], w["W_UK"][:, :6])
    turned = ours["q_rotated"].value[..., 6:] @ ours["k_rotated"].value[:, :1, :, 6:].mT
    scores = (torch.einsum("bhtr,bsr->bhts", asked, latent) + turned) / 8**0.5
    mixed = torch.einsum("bhts,bsr->bhtr", scores.softmax(-1), latent)
    expected = torch.einsum("bhtr,her->bhte", mixed, w["W_UV"])
    torch.testing.assert_close(ours["z"].value, expected, atol=1e-13, rtol=0)


@pytest.mark.parametrize("rope", [0, 8])
def test_mla_can_turn_all_dimensions_or_none(qkv: Callable, rope: int) -> None:
    q, k, v = qkv(g=2)
    ours = attnviz.attend("mla", q, k, v, rope=rope)
    same = torch.allclose(ours["q_rotated"].value, q)
    assert same == (rope == 0)
    other = attnviz.attend("mla", q, k, v + 1, rope=rope)  # v gives only its width
    assert torch.equal(ours["z"].value, other["z"].value)


def test_mla_turns_pairs_only(qkv: Callable) -> None:
    with pytest.raises(InputError, match="even") as found:
        attnviz.attend("mla", *qkv(), rope=3)
    assert found.value.code == "even"


@pytest.mark.parametrize("masked", [False, True])
def test_talking_heads_matches_transformers_deberta(
    qkv: Callable, agree: Callable, package: Package, masked: bool
) -> None:
    q, k, v = qkv()
    config = package("transformers").DebertaConfig(
        hidden_size=48,
        num_attention_heads=6,
        talking_head=True,
        relative_attention=False,
        attention_probs_dropout_prob=0.0,
    )
    deberta = package("transformers.models.deberta.modeling_deberta")
    module = deberta.DisentangledSelfAttention(config).double()
    module.in_proj = Given(joined(torch.cat([q, k, v], -1)))
    P, W = module.head_logits_proj.weight.detach(), module.head_weights_proj.weight.detach()
    mask = causal(9, 9) if masked else torch.ones(9, 9, dtype=torch.bool)
    with torch.no_grad():
        out, maps = module(q, mask.expand(2, 1, 9, 9), output_attentions=True)
    ours = attnviz.attend("talking_heads", q, k, v, mask, mixing=1.0, P=P, W=W)
    agree("talking_heads", joined(ours["z"].value), out)
    agree("talking_heads", ours["pattern"].value, maps)


def test_talking_heads_that_keep_to_themselves_are_multi_head_attention(qkv: Callable) -> None:
    q, k, v = qkv()
    one = torch.eye(6, dtype=torch.float64)
    ours = attnviz.attend("talking_heads", q, k, v, causal(9, 9), mixing=1.0, P=one, W=one)
    expected = attnviz.attend("mha", q, k, v, causal(9, 9))
    torch.testing.assert_close(ours["z"].value, expected["z"].value, atol=1e-14, rtol=0)


def test_rows_of_talking_heads_sum_to_the_rows_of_their_mixture(qkv: Callable) -> None:
    ours = attnviz.attend("talking_heads", *qkv(), mixing=1.0)
    sums = ours.weights["W"].sum(-1)[None, :, None].expand(2, -1, 9)
    torch.testing.assert_close(ours["pattern"].value.sum(-1), sums, atol=1e-12, rtol=0)


def test_what_one_talking_head_may_not_see_no_other_tells_it(qkv: Callable) -> None:
    q, k, v = qkv()
    mask = torch.ones(6, 9, 9, dtype=torch.bool)
    mask[1] = causal(9, 9)
    pattern = attnviz.attend("talking_heads", q, k, v, mask)["pattern"].value
    assert (pattern[:, 1][:, ~causal(9, 9)] == 0).all()
    assert (pattern[:, 0][:, ~causal(9, 9)] != 0).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("lam", [0.2, 0.355, 0.9])
def test_differential_matches_transformers_diffllama(
    qkv: Callable, agree: Callable, package: Package, masked: bool, lam: float
) -> None:
    q, k, v = qkv(h=3, g=3)
    config = package("transformers").DiffLlamaConfig(
        hidden_size=24,
        num_attention_heads=6,
        num_key_value_heads=6,
        head_dim=4,
        attn_implementation="eager",
    )
    diffllama = package("transformers.models.diffllama.modeling_diffllama")
    module = diffllama.DiffLlamaAttention(config, layer_idx=1).double().eval()
    initial = float(module.lambda_init)

    def halves(x: Tensor) -> Tensor:  # first halves of all heads, then the second ones
        return joined(torch.cat(x.split(4, -1), 1))

    with torch.no_grad():
        for name in ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"):
            getattr(module, name).zero_()
        module.lambda_q1[0], module.lambda_k1[0] = 1, float(torch.tensor(1 + lam - initial).log())
        module.q_proj, module.k_proj = Given(halves(q)), Given(halves(k))
        module.v_proj, module.o_proj = Given(halves(v)), nn.Identity()
        mask = torch.zeros(9, 9, dtype=torch.float64).masked_fill(~causal(9, 9), -torch.inf)
        given = mask[None, None] if masked else None
        out, _ = module(joined(q), unturned(9, 4), given)
    seen = causal(9, 9) if masked else None
    ours = attnviz.attend("differential", q, k, v, seen, lam=lam, initial=initial)
    agree("differential", joined(ours["z"].value), out)


def test_differential_of_two_maps_that_are_alike_is_nothing(qkv: Callable) -> None:
    q, k, v = qkv()
    q, k = (torch.cat([x[..., :4], x[..., :4]], -1) for x in (q, k))
    ours = attnviz.attend("differential", q, k, v, lam=1.0)
    assert ours["pattern"].value.abs().max() == 0
    assert ours["z"].value.abs().max() == 0


def test_differential_without_the_second_map_is_attention_on_the_first_half(qkv: Callable) -> None:
    q, k, v = qkv(g=2)
    ours = attnviz.attend("differential", q, k, v, lam=0.0, norm="none")
    expected = attnviz.attend("mha", q[..., :4], k[..., :4], v)["z"].value
    torch.testing.assert_close(ours["z"].value, expected, atol=1e-14, rtol=0)


@pytest.mark.parametrize(("layout", "apart"), [("interleaved", True), ("half", False)])
def test_rope_stays_relative_in_differential_where_pairs_lie_within_a_half(
    qkv: Callable, layout: str, apart: bool
) -> None:
    q, k, v = qkv()
    q, k = (x[:, :, :1].expand(-1, -1, 9, -1) for x in (q, k))
    scores = attnviz.attend("rope+differential", q, k, v, layout=layout)["first_scores"].value
    assert torch.allclose(scores[..., 1:, 1:], scores[..., :-1, :-1]) == apart


def test_differential_needs_an_even_width(qkv: Callable) -> None:
    with pytest.raises(InputError, match="even") as found:
        attnviz.attend("differential", *qkv(k=7))
    assert found.value.code == "even"


@pytest.mark.parametrize("groups", [2, 6])
def test_gated_matches_transformers_qwen3_next(
    qkv: Callable, agree: Callable, package: Package, groups: int
) -> None:
    q, k, v = qkv(g=groups)
    config = package("transformers").Qwen3NextConfig(
        hidden_size=48,
        num_attention_heads=6,
        num_key_value_heads=groups,
        head_dim=8,
        attn_implementation="eager",
    )
    qwen = package("transformers.models.qwen3_next.modeling_qwen3_next")
    module = qwen.Qwen3NextAttention(config, 0).double().eval()
    W_G, b = normal(6, 8, 8), normal(6, 8, seed=8)
    gate = torch.einsum("hek,bhtk->bhte", W_G, q) + b[:, None]
    module.q_norm, module.k_norm, module.o_proj = (nn.Identity() for _ in range(3))
    module.q_proj, module.k_proj = Given(joined(torch.cat([q, gate], -1))), Given(joined(k))
    module.v_proj = Given(joined(v))
    with torch.no_grad():
        out, _ = module(joined(q), unturned(9, 8), None)
    agree("gated", joined(attnviz.attend("gated", q, k, v, W_G=W_G, b=b)["z"].value), out)


def test_an_open_gate_is_multi_head_attention_and_a_shut_one_is_silent(qkv: Callable) -> None:
    q, k, v = qkv(e=5)
    found = attnviz.attend("gated", q, k, v, b=torch.full((6, 5), 60.0, dtype=torch.float64))
    expected = attnviz.attend("mha", q, k, v)["z"].value
    torch.testing.assert_close(found["z"].value, expected, atol=1e-12, rtol=0)
    shut = attnviz.attend("gated", q, k, v, b=torch.full((6, 5), -60.0, dtype=torch.float64))
    assert shut["z"].value.abs().max() < 1e-12
    assert torch.equal(shut["pattern"].value, found["pattern"].value)


@pytest.mark.parametrize(("t", "s"), [(9, 9), (4, 9)])
def test_inverted_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Package, t: int, s: int
) -> None:
    q, k, v = qkv(t=t, s=s)
    module = package("x_transformers.attend").Attend(inverted_attention=True)
    out, _ = module(q, k, v)
    ours = attnviz.attend("inverted", q, k, v)
    agree("inverted", ours["z"].value, out)
    columns = ours["claims"].value.sum(-2)
    torch.testing.assert_close(columns, torch.ones_like(columns), atol=1e-12, rtol=0)


def test_a_query_that_wins_no_key_in_inverted_attention_keeps_little(qkv: Callable) -> None:
    q, k, v = qkv()
    k = torch.ones_like(k)
    q = torch.ones_like(q) * torch.linspace(0, 40, 9)[:, None]
    sums = attnviz.attend("inverted", q, k, v)["pattern"].value.sum(-1)
    assert (sums[..., 0] < 1e-6).all()
    assert torch.allclose(sums[..., -1], torch.ones_like(sums[..., -1]))


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (3, 5), (6, 11), (2, 4)])
@pytest.mark.parametrize("masked", [False, True])
def test_multi_token_matches_torchs_conv2d(
    qkv: Callable, agree: Callable, queries: int, keys: int, masked: bool
) -> None:
    q, k, v = qkv(t=7)
    kernel = normal(6, queries, keys)
    mask = causal(7, 9) if masked else torch.ones(7, 9, dtype=torch.bool)
    scores = (q @ k.mT / 8**0.5).masked_fill(~mask, 0)
    left = keys - 1 - keys // 2  # the paper's kernel is turned round against torch's
    wide = functional.pad(scores, (left, keys // 2, queries - 1, 0))
    mixed = functional.conv2d(wide, kernel.flip(1, 2)[:, None], groups=6)
    expected = mixed.masked_fill(~mask, -torch.inf).softmax(-1)
    given: dict[str, Any] = {"queries": queries, "keys": keys, "strength": 1.0, "kernel": kernel}
    ours = attnviz.attend("multi_token", q, k, v, mask, **given)
    agree("multi_token", ours["pattern"].value, expected)


def test_multi_token_looks_at_earlier_queries_and_at_keys_on_both_sides(qkv: Callable) -> None:
    q, k, v = qkv()
    other_q, other_k = q.clone(), k.clone()
    other_q[:, :, 4] += 1
    other_k[:, :, 4] += 1
    given: dict[str, Any] = {"queries": 3, "keys": 5}
    mixed, by_query, by_key = (
        attnviz.attend("multi_token", *x, v, **given)["convolved"].value
        for x in ((q, k), (other_q, k), (q, other_k))
    )
    rows = (mixed != by_query).any(-1).all(1).all(0)
    columns = (mixed != by_key).any(-2).all(1).all(0)
    assert rows.nonzero().flatten().tolist() == [4, 5, 6]
    assert columns.nonzero().flatten().tolist() == [2, 3, 4, 5, 6]


def test_multi_token_with_a_kernel_of_the_cell_alone_is_softmax(qkv: Callable) -> None:
    q, k, v = qkv()
    kernel = torch.zeros(6, 3, 5, dtype=torch.float64)
    kernel[:, 0, 2] = 1
    found = attnviz.attend("multi_token", q, k, v, causal(9, 9), strength=1.0, kernel=kernel)
    expected = attnviz.attend("mha", q, k, v, causal(9, 9))["z"].value
    torch.testing.assert_close(found["z"].value, expected, atol=1e-14, rtol=0)


def test_self_attentive_pooling_matches_keras(
    qkv: Callable, agree: Callable, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras, (q, k, v) = package("keras"), qkv(h=2, g=2, e=3)
    W_1, W_2 = normal(16, 8), normal(3, 16, seed=8)
    ours = attnviz.attend("self_attentive_pooling", q, k, v, W_1=W_1, W_2=W_2)["z"].value
    for head in range(2):
        for hop in range(3):  # one layer for each look; its query is nothing
            layer = keras.layers.AdditiveAttention(dtype="float64")
            keys, nothing = k[:, head] @ W_1.T, torch.zeros(2, 1, 16, dtype=torch.float64)
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")
                layer.build([nothing.shape, v[:, head].shape, keys.shape])
                layer.set_weights([W_2[hop].numpy()])
                expected = layer([nothing, v[:, head], keys])
            agree("self_attentive_pooling", ours[:, head, hop : hop + 1], expected)


def test_pooling_reads_no_query_and_its_rows_take_turns(qkv: Callable) -> None:
    q, k, v = qkv()
    one = attnviz.attend("self_attentive_pooling", q, k, v, hops=4)["pattern"].value
    other = attnviz.attend("self_attentive_pooling", -3 * q, k, v, hops=4)["pattern"].value
    assert torch.equal(one, other)
    assert torch.equal(one[..., 4:, :], one[..., :-4, :])
    assert not torch.allclose(one[..., 1:, :], one[..., :-1, :])
