"""Masks against published packages and exact definitions."""

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
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


def masked(q: Tensor, k: Tensor, v: Tensor, may: Callable[..., Tensor]) -> Tensor:
    """torch's kernel under a package's mask function; the last query stands at the last key."""
    places = torch.arange(k.shape[2])
    first = torch.zeros((), dtype=torch.long)
    mask = may(first, first, places[-q.shape[2] :, None], places)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def looped(q: Tensor, k: Tensor, v: Tensor, keys: Callable[[int], set[int]]) -> Tensor:
    """torch's kernel where query i sees the set `keys(i)`, filled in cell by cell."""
    t, s = q.shape[2], k.shape[2]
    mask = torch.zeros(t, s, dtype=torch.bool)
    for row in range(t):
        for key in keys(row + s - t):
            mask[row, key] = True
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def z(name: str, *qkv: Tensor, **parameters: Any) -> Tensor:
    return attnviz.attend(name, *qkv, **parameters)["z"].value


@pytest.mark.parametrize("length", [1, 4, 9])
def test_padding_matches_torchs_multi_head_attention(
    qkv: Callable, agree: Callable, length: int
) -> None:
    q, k, v = qkv(h=1, g=1, t=5)
    module = torch.nn.MultiheadAttention(8, 1, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.eye(8).repeat(3, 1))
        module.out_proj.weight.copy_(torch.eye(8))
    fill = torch.arange(9) >= length  # True is blocked there
    expected, _ = module(q[:, 0], k[:, 0], v[:, 0], key_padding_mask=fill.expand(2, 9))
    agree("padding", z("padding", q, k, v, length=length)[:, 0], expected.detach())


def test_fill_cannot_change_what_is_read(qkv: Callable) -> None:
    q, k, v = qkv()
    other_k, other_v = (torch.cat([x[:, :, :4], x[:, :, 4:] * 3 + 1], dim=2) for x in (k, v))
    assert torch.equal(z("padding", q, k, v, length=4), z("padding", q, other_k, other_v, length=4))


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize("prefix", [0, 3, 9])
def test_prefix_lm_matches_attn_gym(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], prefix: int, t: int
) -> None:
    q, k, v = qkv(t=t)
    theirs = package("attn_gym.masks").generate_prefix_lm_mask(prefix)
    agree("prefix_lm", z("prefix_lm", q, k, v, prefix=prefix), masked(q, k, v, theirs))


@pytest.mark.parametrize("window", [1, 4])
def test_sliding_window_is_attn_gyms_with_one_token_less(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], window: int
) -> None:
    q, k, v = qkv()
    theirs = package("attn_gym.masks").generate_sliding_window(window - 1)
    agree("sliding_window", z("sliding_window", q, k, v, window=window), masked(q, k, v, theirs))


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize("radius", [0, 2, 9])
def test_sliding_bidirectional_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], radius: int, t: int
) -> None:
    q, k, v = qkv(t=t)
    masks = package("transformers.masking_utils")
    theirs = masks.sliding_window_bidirectional_mask_function(radius)
    ours = z("sliding_bidirectional", q, k, v, radius=radius)
    agree("sliding_bidirectional", ours, masked(q, k, v, theirs))


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize(("radius", "dilation"), [(4, 2), (4, 1), (7, 3), (2, 5), (0, 1)])
def test_dilated_matches_attn_gym(
    qkv: Callable,
    agree: Callable,
    package: Callable[[str], Any],
    radius: int,
    dilation: int,
    t: int,
) -> None:
    q, k, v = qkv(t=t)
    theirs = package("attn_gym.masks").generate_dilated_sliding_window(radius, dilation)
    ours = z("dilated", q, k, v, radius=radius, dilation=dilation)
    agree("dilated", ours, masked(q, k, v, theirs))


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize("stride", [1, 2, 3, 5, 12])
def test_strided_matches_the_sets_of_the_paper(
    qkv: Callable, agree: Callable, stride: int, t: int
) -> None:
    def keys(i: int) -> set[int]:
        return {*range(max(0, i - stride), i + 1)} | {
            j for j in range(i + 1) if (i - j) % stride == 0
        }

    q, k, v = qkv(t=t)
    agree("strided", z("strided", q, k, v, stride=stride), looped(q, k, v, keys))


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize(("block", "summary"), [(1, 1), (3, 0), (3, 1), (4, 2), (4, 7), (12, 1)])
def test_fixed_matches_the_sets_of_the_paper(
    qkv: Callable, agree: Callable, block: int, summary: int, t: int
) -> None:
    def keys(i: int) -> set[int]:
        ends = {*range(block - summary, block)}
        return {j for j in range(i + 1) if j // block == i // block or j % block in ends}

    q, k, v = qkv(t=t)
    ours = z("fixed", q, k, v, block=block, summary=summary)
    agree("fixed", ours, looped(q, k, v, keys))


@pytest.mark.parametrize("name", ["strided", "fixed"])
def test_two_steps_of_a_sparse_mask_reach_every_token_of_the_past(qkv: Callable, name: str) -> None:
    seen = attnviz.attend(name, *qkv(s=16, t=16))["allowed"].value[0, 0].double()
    assert torch.equal(seen @ seen > 0, torch.ones(16, 16).tril().bool())
    assert (seen.sum(-1) <= 8).all()


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize(("globals", "radius"), [(0, 2), (1, 0), (2, 1), (9, 1)])
def test_global_window_matches_attn_gym(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], globals: int, radius: int, t: int
) -> None:
    q, k, v = qkv(t=t)
    first = torch.arange(9) < globals
    theirs = package("attn_gym.masks").generate_global_sliding_window(radius, first)
    ours = z("global_window", q, k, v, globals=globals, radius=radius)
    agree("global_window", ours, masked(q, k, v, theirs))


def test_global_window_is_longformers_attention(
    qkv: Callable, package: Callable[[str], Any]
) -> None:
    longformer = package("transformers.models.longformer.modeling_longformer")
    config = package("transformers").LongformerConfig(
        hidden_size=16,
        num_attention_heads=2,
        num_hidden_layers=1,
        attention_window=[4],  # twice the radius
        attention_probs_dropout_prob=0.0,
    )
    module = longformer.LongformerSelfAttention(config, 0).double()
    for kind in ("query", "key", "value"):  # one projection for global and other tokens
        getattr(module, f"{kind}_global").load_state_dict(getattr(module, kind).state_dict())
    x = qkv(h=1, g=1, s=12, k=16)[1][:, 0]
    first = (torch.arange(12) < 2).expand(2, 12)
    with torch.no_grad():
        q, k, v = (
            getattr(module, kind)(x).unflatten(-1, (2, 8)).transpose(1, 2)
            for kind in ("query", "key", "value")
        )
        theirs = module(x, first.double(), torch.zeros_like(first), first, True)[0]
    ours = z("global_window", q, k, v, globals=2, radius=2).transpose(1, 2).flatten(2)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_global_window_is_symmetric(qkv: Callable) -> None:
    allowed = attnviz.attend("global_window", *qkv())["allowed"].value
    assert torch.equal(allowed, allowed.mT)


@pytest.mark.parametrize(("block", "random"), [(1, 1), (1, 3), (2, 1), (2, 2), (4, 1)])
def test_bigbird_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], block: int, random: int
) -> None:
    q, k, v = qkv(t=8 * block, s=8 * block)
    bigbird = package("transformers.models.big_bird.modeling_big_bird")
    config = package("transformers").BigBirdConfig(
        hidden_size=48, num_attention_heads=6, block_size=block, num_random_blocks=random
    )
    module = bigbird.BigBirdBlockSparseAttention(config).double()
    ours = attnviz.attend("bigbird", q, k, v, block=block, random=random, seed=5)
    drawn = ours["random"].value[0, :, ::block, ::block]
    rows = [[row.nonzero()[:, 0].tolist() for row in head[1:-1]] for head in drawn]
    module._bigbird_block_rand_mask_with_head = lambda **_: rows  # theirs would be drawn by numpy
    ones = torch.ones(2, 8 * block, dtype=torch.float64)
    masks = bigbird.BigBirdModel.create_masks_for_block_sparse_attn(ones, block)
    blocked, band, of_query, of_key = masks
    sizes = (6, random, 8, block, block, 2, 8 * block, 8 * block)
    about = {"seed": 0, "plan_from_length": None, "plan_num_rand_blocks": None}
    theirs, _ = module.bigbird_block_sparse_attention(
        q, k, v, band, of_query, of_key, blocked, blocked, *sizes, **about
    )
    agree("bigbird", ours["z"].value, theirs.transpose(1, 2))


@pytest.mark.parametrize(("block", "t"), [(2, 5), (2, 17), (3, 17), (5, 30)])
def test_bigbird_of_any_length_is_the_set_definition(
    qkv: Callable, agree: Callable, block: int, t: int
) -> None:
    q, k, v = qkv(t=t, s=17)
    ours = attnviz.attend("bigbird", q, k, v, block=block, random=2)
    drawn, last = ours["random"].value, 16 // block
    mask = torch.zeros(2, 6, t, 17, dtype=torch.bool)
    for b, h, i, j in torch.cartesian_prod(*map(torch.arange, mask.shape)).tolist():
        row, column = (i + 17 - t) // block, j // block
        near = row - 1 <= column <= row + 1
        mask[b, h, i, j] = near or bool({0, last} & {row, column}) or bool(drawn[b, h, i, j])
    expected = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    agree("bigbird", ours["z"].value, expected)


def test_bigbird_draws_what_is_not_seen_anyway_and_the_same_for_one_seed(qkv: Callable) -> None:
    q, k, v = qkv(t=24, s=24)
    runs = [attnviz.attend("bigbird", q, k, v, random=2, seed=seed) for seed in (3, 3, 4)]
    drawn = [run["random"].value for run in runs]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0][:, 0], drawn[0][:, 1])
    plain = attnviz.attend("bigbird", q, k, v, random=0)["allowed"].value
    assert not (plain & drawn[0]).any()
    assert (drawn[0][:, :, 2:-2].sum(-1) == 4).all()
    ends = [0, 1, -2, -1]
    assert plain[:, :, ends].all()
    assert plain[..., ends].all()


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize("chunk", [1, 4, 9])
def test_block_local_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], chunk: int, t: int
) -> None:
    q, k, v = qkv(t=t)
    masks = package("transformers.masking_utils")
    theirs = masks.chunked_causal_mask_function(chunk, torch.zeros(1, dtype=torch.long))
    agree("block_local", z("block_local", q, k, v, chunk=chunk), masked(q, k, v, theirs))


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize("lengths", [[9], [1, 5, 3], [4, 4, 1], [1] * 9])
def test_document_matches_attn_gym(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], lengths: list[int], t: int
) -> None:
    q, k, v = qkv(t=t)
    gym = package("attn_gym.masks")
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    numbers = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    theirs = gym.generate_doc_mask_mod(gym.causal_mask, offsets)
    ours = attnviz.attend("document", q, k, v, documents=numbers.double())
    assert torch.equal(ours["document"].value, numbers.expand(2, 9))
    agree("document", ours["z"].value, masked(q, k, v, theirs))


def test_document_of_equal_lengths_is_each_document_alone(qkv: Callable) -> None:
    q, k, v = qkv()
    together = z("document", q, k, v, length=4)
    alone = [z("causal", *(x[:, :, at : at + 4] for x in (q, k, v))) for at in (0, 4, 8)]
    torch.testing.assert_close(together, torch.cat(alone, dim=2), atol=1e-14, rtol=0)


def test_each_text_of_a_batch_has_documents_of_its_own(qkv: Callable) -> None:
    q, k, v = qkv()
    numbers = torch.tensor([[0] * 9, [0, 0, 1, 1, 1, 2, 2, 2, 2]], dtype=torch.float64)
    both = z("document", q, k, v, documents=numbers)
    for i in range(2):
        one = [x[i : i + 1] for x in (q, k, v)]
        alone = z("document", *one, documents=numbers[i])
        torch.testing.assert_close(both[i], alone, atol=1e-14, rtol=0)


@pytest.mark.parametrize("t", [4, 9])
@pytest.mark.parametrize(("sinks", "window"), [(0, 3), (2, 4), (2, 1), (9, 1), (1, 9)])
def test_streaming_sinks_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], sinks: int, window: int, t: int
) -> None:
    q, k, v = qkv(t=t)
    masks = package("transformers.masking_utils")
    first = masks.or_masks(masks.sliding_window_overlay(window), lambda b, h, i, j: j < sinks)
    theirs = masks.and_masks(first, masks.causal_mask_function)
    ours = z("streaming_sinks", q, k, v, sinks=sinks, window=window)
    agree("streaming_sinks", ours, masked(q, k, v, theirs))


@pytest.fixture
def naive(monkeypatch: pytest.MonkeyPatch, fla: Callable[[str], Any]) -> SimpleNamespace:
    """fla's plain NSA; what it takes from the files that need a GPU's compiler is never called."""
    unused = SimpleNamespace(prepare_chunk_offsets=None, mean_pooling=None)
    monkeypatch.setitem(sys.modules, "fla.ops.utils", unused)
    monkeypatch.setitem(sys.modules, "fla.ops.utils.pooling", unused)
    found, window = fla("ops/nsa/naive.py"), fla("ops/attn/naive.py").naive_parallel_attn
    return SimpleNamespace(**vars(found), window=window)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize(
    ("block", "selected", "window", "s"),
    [(2, 4, 3, 16), (2, 3, 1, 15), (3, 5, 4, 17), (4, 9, 9, 16)],
)
def test_nsa_matches_fla(
    qkv: Callable,
    agree: Callable,
    naive: SimpleNamespace,
    block: int,
    selected: int,
    window: int,
    s: int,
    groups: int,
    seed: int,
) -> None:
    q, k, v = qkv(g=groups, t=s, s=s, seed=seed)
    gates = torch.rand(
        3, 2, 6, s, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    names = ("given_compressed", "given_selected", "given_window")
    given = dict(zip(names, gates, strict=True))
    ours = attnviz.attend("nsa", q, k, v, block=block, selected=selected, window=window, **given)

    def mean(x: Tensor) -> Tensor:
        pooled = functional.avg_pool1d(x.flatten(0, 1).mT, block, ceil_mode=True)
        return pooled.mT.unflatten(0, x.shape[:2]).transpose(1, 2)

    queries, keys, values = (x.transpose(1, 2) for x in (q, k, v))
    about = {"block_size": block, "scale": 8**-0.5}
    compressed, _ = naive.naive_nsa_compression(queries, mean(k), mean(v), **about)
    blocks = naive.naive_nsa_topk(queries, mean(k), selected, **about)
    chosen = naive.naive_nsa_selection(queries, keys, values, blocks, **about)
    near, _ = naive.window(queries, keys, values, window_size=window)
    branches = (x.transpose(1, 2) for x in (compressed, chosen, near))
    expected = sum(g[..., None] * x for g, x in zip(gates, branches, strict=True))
    agree("nsa", ours["z"].value, expected)
    found = ours["chosen"].value[:, :: 6 // groups].double()
    blocks = blocks.where(blocks >= 0, found.shape[-1])  # -1 is none
    theirs = functional.one_hot(blocks.transpose(1, 2), found.shape[-1] + 1).amax(3)
    assert torch.equal(found, theirs[..., :-1].double())


def test_nsa_never_reads_a_block_that_is_not_finished_as_a_mean(qkv: Callable) -> None:
    trace = attnviz.attend("nsa", *qkv(), block=4)
    weights = trace["block_weights"].value
    assert (weights[:, :, :3] == 0).all()
    assert (weights[:, :, 3:7, 1:] == 0).all()
    assert (weights[:, :, 7, :2] > 0).all()
    assert (weights[..., 2] == 0).all()


def test_nsa_reads_the_first_and_the_two_last_blocks_whatever_they_hold(qkv: Callable) -> None:
    chosen = attnviz.attend("nsa", *qkv(t=16, s=16), selected=3)["chosen"].value
    rows = torch.arange(16)
    for block in (rows // 2, (rows // 2 - 1).clamp_min(0), rows * 0):
        assert chosen[:, :, rows, block].all()
    assert (chosen.sum(-1) <= 3).all()


def test_nsa_with_one_query_is_the_last_row(qkv: Callable) -> None:
    q, k, v = qkv()
    last = z("nsa", q[:, :, -1:], k, v)
    torch.testing.assert_close(last, z("nsa", q, k, v)[:, :, -1:], atol=1e-14, rtol=0)
