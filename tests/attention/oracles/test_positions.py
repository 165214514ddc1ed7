"""Positions against published packages and exact definitions."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import attnviz
from attnviz.attention.parameter import Inputs


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


PLACES = torch.arange(9)
ALONE = ["nope", "sinusoidal", "learned", "shaw", "transformer_xl", "deberta", "t5_bias"]
ALONE += ["kerple", "sandwich", "fire", "cope", "forgetting", "path"]


def config(module: Any, name: str, **sizes: Any) -> Any:
    """A configuration of transformers with 6 heads of 8, whose attention is written out."""
    made = getattr(module, name)(**sizes)
    made._attn_implementation = "eager"
    return made


def seeded(module: torch.nn.Module) -> Any:
    """A module in float64 with normal weights."""
    make = torch.Generator().manual_seed(2)
    module.double().eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape, dtype=weight.dtype, generator=make) * 0.3)
    return module.requires_grad_(False)


def heads(x: Tensor) -> Tensor:
    """B T D -> B H T K."""
    return x.unflatten(-1, (6, 8)).transpose(1, 2)


def tokens() -> Tensor:
    return torch.randn(2, 9, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def test_nope_matches_torchs_kernel(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5)
    expected = functional.scaled_dot_product_attention(q, k, v)
    agree("nope", attnviz.attend("nope", q, k, v)["z"].value, expected)


def test_without_positions_shuffled_keys_shuffle_the_columns(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    before = attnviz.attend("nope", q, k, v)
    after = attnviz.attend("nope", q, k[:, :, order], v[:, :, order])
    torch.testing.assert_close(after["pattern"].value, before["pattern"].value[..., order])
    torch.testing.assert_close(after["z"].value, before["z"].value)


def test_sinusoidal_matches_marian(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    q, k, v = qkv()
    marian = package("transformers.models.marian.modeling_marian")
    table = marian.MarianSinusoidalPositionalEmbedding(9, 8).create_weight().double()
    # Marian has all sines first, then all cosines; the paper lets them take turns.
    table = table.unflatten(1, (2, 4)).mT.flatten(1)
    expected = functional.scaled_dot_product_attention(q + table, k + table, v)
    agree("sinusoidal", attnviz.attend("sinusoidal", q, k, v)["z"].value, expected)


@pytest.mark.parametrize("base", [1.0, 100.0, 10000.0])
def test_sinusoidal_waves_are_those_of_the_papers_formula(qkv: Callable, base: float) -> None:
    waves = attnviz.attend("sinusoidal", *qkv(), base=base)["waves_k"].value[0]
    for place in range(9):
        for m in range(4):
            angle = place / base ** (2 * m / 8)
            assert waves[place, 2 * m] == pytest.approx(math.sin(angle), abs=1e-12)
            assert waves[place, 2 * m + 1] == pytest.approx(math.cos(angle), abs=1e-12)


def test_sinusoidal_products_depend_on_the_distance_only(qkv: Callable) -> None:
    waves = attnviz.attend("sinusoidal", *qkv())["waves_k"].value[0]
    products = waves @ waves.T
    torch.testing.assert_close(products[:-1, :-1], products[1:, 1:])
    torch.testing.assert_close(products.diagonal(), torch.full((9,), 4.0, dtype=torch.float64))


def test_learned_matches_torchs_embedding(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5)
    embedding = seeded(torch.nn.Embedding(9, 8))
    at_query, at_key = embedding(PLACES[4:]), embedding(PLACES)
    expected = functional.scaled_dot_product_attention(q + at_query, k + at_key, v)
    found = attnviz.attend("learned", q, k, v, place_table=embedding.weight)
    agree("learned", found["z"].value, expected)


@pytest.mark.parametrize("name", ["learned", "sinusoidal"])
def test_more_queries_than_keys_end_at_the_last_key(qkv: Callable, name: str) -> None:
    q, k, v = qkv()
    few = attnviz.attend(name, q, k[:, :, 4:], v[:, :, 4:])
    all_keys = attnviz.attend(name, q, k, v)
    torch.testing.assert_close(few["scores"].value, all_keys["scores"].value[..., 4:])


@pytest.mark.parametrize("clip", [2, 8, 16])
def test_shaw_matches_wav2vec2_bert(
    agree: Callable, package: Callable[[str], Any], clip: int
) -> None:
    module = package("transformers.models.wav2vec2_bert.modeling_wav2vec2_bert")
    about = config(
        module,
        "Wav2Vec2BertConfig",
        hidden_size=48,
        num_attention_heads=6,
        position_embeddings_type="relative_key",
        left_max_position_embeddings=clip,
        right_max_position_embeddings=clip,
    )
    theirs = seeded(module.Wav2Vec2BertSelfAttention(about))
    x = tokens()
    q, k, v = (heads(part(x)) for part in (theirs.linear_q, theirs.linear_k, theirs.linear_v))
    _, expected = theirs(x)
    table = theirs.distance_embedding.weight
    agree(
        "shaw",
        attnviz.attend("shaw", q, k, v, clip=clip, distance_table=table)["pattern"].value,
        expected,
    )


def test_shaw_cannot_tell_distances_beyond_the_clip_apart(qkv: Callable) -> None:
    found = attnviz.attend("shaw", *qkv(), clip=3)["place_score"].value
    assert (found[:, :, 8, :5] == found[:, :, 8, 5:6]).all()
    assert (found[:, :, 8, 5] != found[:, :, 8, 6]).all()


def test_transformer_xl_matches_wav2vec2_conformer(
    agree: Callable, package: Callable[[str], Any]
) -> None:
    module = package("transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer")
    about = config(
        module,
        "Wav2Vec2ConformerConfig",
        hidden_size=48,
        num_attention_heads=6,
        position_embeddings_type="relative",
    )
    theirs = seeded(module.Wav2Vec2ConformerSelfAttention(about))
    x = tokens()
    distances = module.Wav2Vec2ConformerRelPositionalEmbedding(about)(x)
    q, k, v = (heads(part(x)) for part in (theirs.linear_q, theirs.linear_k, theirs.linear_v))
    _, expected = theirs(x, relative_position_embeddings=distances)
    W_r = theirs.linear_pos.weight.unflatten(0, (6, 8))
    ours = attnviz.attend(
        "transformer_xl", q, k, v, u=theirs.pos_bias_u, w=theirs.pos_bias_v, W_r=W_r
    )
    agree("transformer_xl", ours["pattern"].value, expected)


@pytest.mark.parametrize("span", [1, 4, 9])
def test_deberta_matches_transformers(
    agree: Callable, package: Callable[[str], Any], span: int
) -> None:
    module = package("transformers.models.deberta.modeling_deberta")
    about = config(
        module,
        "DebertaConfig",
        hidden_size=48,
        num_attention_heads=6,
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        max_relative_positions=span,
    )
    theirs = seeded(module.DisentangledSelfAttention(about))
    x, rows = tokens(), tokens().flatten(0, 1)[: 2 * span]
    q, k, v = theirs.transpose_for_scores(theirs.in_proj(x)).chunk(3, dim=-1)
    q = q + theirs.transpose_for_scores(theirs.q_bias[None, None])
    _, expected = theirs(
        x,
        torch.ones(2, 1, 9, 9),
        output_attentions=True,
        relative_pos=module.build_relative_position(q, k),
        rel_embeddings=rows,
    )
    tables = (heads(part(rows)[None])[0] for part in (theirs.pos_proj, theirs.pos_q_proj))
    keys, queries = tables
    ours = attnviz.attend("deberta", q, k, v, span=span, place_keys=keys, place_queries=queries)
    agree("deberta", ours["pattern"].value, expected)


@pytest.mark.parametrize("direction", ["bidirectional", "causal"])
@pytest.mark.parametrize(("buckets", "far"), [(32, 128), (8, 6), (4, 20)])
def test_t5_bias_matches_transformers(
    agree: Callable, package: Callable[[str], Any], direction: str, buckets: int, far: int
) -> None:
    module = package("transformers.models.t5.modeling_t5")
    about = config(
        module,
        "T5Config",
        d_model=48,
        d_kv=8,
        num_heads=6,
        relative_attention_num_buckets=buckets,
        relative_attention_max_distance=far,
        is_decoder=direction == "causal",
    )
    theirs = seeded(module.T5Attention(about, has_relative_attention_bias=True, layer_idx=0))
    x = tokens()
    q, k, v = (heads(part(x)) for part in (theirs.q, theirs.k, theirs.v))
    _, _, expected = theirs(x)
    said: dict[str, Any] = {"buckets": buckets, "max_distance": far, "direction": direction}
    table = theirs.relative_attention_bias.weight
    ours = attnviz.attend("t5_bias", q, k, v, bucket_table=table, **said)
    agree("t5_bias", ours["pattern"].value, expected)


@pytest.mark.parametrize("buckets", [4, 5, 8, 12, 32, 64])
@pytest.mark.parametrize("far", [40, 64, 100, 128, 200])
@pytest.mark.parametrize("direction", ["bidirectional", "causal"])
def test_t5_buckets_are_those_of_transformers_for_every_distance(
    package: Callable[[str], Any], buckets: int, far: int, direction: str
) -> None:
    theirs = package("transformers.models.t5.modeling_t5").T5Attention._relative_position_bucket
    x = torch.zeros(1, 1, 150, 1, dtype=torch.float64)
    said: dict[str, Any] = {"buckets": buckets, "max_distance": far, "direction": direction}
    found = attnviz.attend("t5_bias", x, x, x, **said)["bucket"].value
    places = torch.arange(150)
    expected = theirs(
        places - places[:, None],
        bidirectional=direction == "bidirectional",
        num_buckets=buckets,
        max_distance=far,
    )
    assert torch.equal(found, expected)


def biased(q: Tensor, k: Tensor, v: Tensor, bias: Callable[[int, int, int], float]) -> Tensor:
    """torch's kernel with a bias that is asked for head by head, query by query, key by key."""
    places = range(k.shape[2])
    past = k.shape[2] - q.shape[2]
    rows = [[[bias(h, t, s) for s in places] for t in places[past:]] for h in range(q.shape[1])]
    mask = torch.tensor(rows, dtype=q.dtype)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@pytest.mark.parametrize("t", [5, 9])
def test_kerple_matches_the_definition(qkv: Callable, agree: Callable, t: int) -> None:
    q, k, v = qkv(t=t)
    r1, r2 = torch.linspace(0.2, 2, 6).double(), torch.linspace(3, 0.1, 6).double()

    def bias(h: int, t: int, s: int) -> float:
        return -float(r1[h]) * math.log(1 + float(r2[h]) * abs(t - s))

    ours = attnviz.attend("kerple", q, k, v, r1=r1, r2=r2)["z"].value
    agree("kerple", ours, biased(q, k, v, bias))


@pytest.mark.parametrize("waves", [8, 64])
def test_sandwich_matches_attn_gym(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], waves: int
) -> None:
    q, k, v = qkv()
    score_mod = package("attn_gym.mods").generate_sandwich_bias(6, 9, d_bar=2 * waves)
    head = torch.arange(6)[:, None, None]
    bias = score_mod(torch.zeros(6, 9, 9), 0, head, PLACES[:, None], PLACES)
    expected = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.double())
    agree("sandwich", attnviz.attend("sandwich", q, k, v, waves=waves)["z"].value, expected)


def test_sandwich_is_largest_at_the_query_and_the_same_to_both_sides(qkv: Callable) -> None:
    found = attnviz.attend("sandwich", *qkv())["closeness"].value
    torch.testing.assert_close(found, found.mT)
    assert (found.argmax(-1) == PLACES).all()


@pytest.mark.parametrize("t", [5, 9])
def test_fire_matches_the_definition(qkv: Callable, agree: Callable, t: int) -> None:
    q, k, v = qkv(t=t)
    make = torch.Generator().manual_seed(7)
    shapes = {"w1": (3,), "b1": (3,), "w2": (3, 6), "b2": (6,)}
    made = {n: torch.randn(x, generator=make, dtype=torch.float64) for n, x in shapes.items()}
    w1, b1, w2, b2 = (x.tolist() for x in made.values())

    def bias(h: int, t: int, s: int) -> float:
        share = math.log(0.5 * abs(t - s) + 1) / math.log(0.5 * max(3, t) + 1)
        return b2[h] + sum(w2[a][h] * max(0.0, w1[a] * share + b1[a]) for a in range(3))

    said: dict[str, Any] = {"bend": 0.5, "threshold": 3.0, "hidden": 3}
    ours = attnviz.attend("fire", q, k, v, **said, **made)["z"].value
    agree("fire", ours, biased(q, k, v, bias))


def test_fire_sees_shares_from_0_to_1_of_the_keys_before_the_query(qkv: Callable) -> None:
    shares = attnviz.attend("fire", *qkv())["relative_distance"].value
    before = shares[..., torch.ones(9, 9, dtype=torch.bool).tril()]
    assert (before >= 0).all()
    assert (before <= 1).all()


@pytest.mark.parametrize("positions", [2, 4, 16])
def test_cope_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], positions: int
) -> None:
    q, k, v = qkv()
    theirs = package("x_transformers.x_transformers")
    module = seeded(theirs.CoPE(dim=8, heads=6, max_pos=positions))
    attend = package("x_transformers.attend").Attend(causal=True, cope=module)
    expected, _ = attend(q, k, v)
    ours = attnviz.attend("cope", q, k, v, positions=positions, place_vectors=module.pos_emb)
    agree("cope", ours["z"].value, expected)


def test_cope_counts_never_grow_from_key_to_key(qkv: Callable) -> None:
    found = attnviz.attend("cope", *qkv(t=5))["count"].value
    assert (found.diff(dim=-1) <= 0).all()


@pytest.mark.parametrize("groups", [2, 6])
def test_forgetting_matches_fla(
    qkv: Callable, agree: Callable, fla: Callable[[str], Any], groups: int
) -> None:
    q, k, v = qkv(g=groups)
    gates = torch.rand(2, 6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    theirs = fla("ops/forgetting_attn/naive.py").naive_forgetting_attn
    expected = theirs(*(x.transpose(1, 2) for x in (q, k, v, gates.log())))
    found = attnviz.attend("forgetting", q, k, v, gates=gates)["z"].value
    agree("forgetting", found, expected.transpose(1, 2))


def test_forgetting_by_gates_of_the_keys_is_forgetting_by_these_gates(qkv: Callable) -> None:
    q, k, v = qkv(g=2)
    made = attnviz.attend("forgetting", q, k, v)
    given = attnviz.attend("forgetting", q, k, v, gates=made["forget_gate"].value)
    assert torch.equal(given["pattern"].value, made["pattern"].value)


def test_forgetting_by_one_gate_for_all_tokens_is_alibi(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    slopes = torch.linspace(0.01, 1, 6).double()
    gates = (-slopes).exp()[:, None].expand(6, 9)
    found = attnviz.attend("forgetting", q, k, v, gates=gates)["pattern"].value
    expected = attnviz.attend("alibi+causal", q, k, v, slopes=slopes)["pattern"].value
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("groups", "chunk"), [(6, 64), (2, 4)])
def test_path_matches_fla(
    qkv: Callable, agree: Callable, fla: Callable[[str], Any], groups: int, chunk: int
) -> None:
    q, k, v = qkv(g=groups)
    make = torch.Generator().manual_seed(3)
    w = functional.normalize(torch.randn(k.shape, dtype=k.dtype, generator=make), dim=-1)
    beta = 2 * torch.rand(w.shape[:3], dtype=k.dtype, generator=make)
    theirs = fla("ops/path_attn/naive.py").naive_path_attn
    given = [x.transpose(1, 2) for x in (q, k, v, w, beta)]
    # fla has forget gates as well; a logarithm of 0 leaves them open.
    expected = theirs(*given, torch.zeros(2, 9, 6), scale=8**-0.5, chunk_size=chunk)
    w, beta = (x.repeat_interleave(6 // groups, dim=1) for x in (w, beta))
    agree(
        "path",
        attnviz.attend("path", q, k, v, w=w, beta=beta)["z"].value,
        expected.transpose(1, 2),
    )


def test_path_turns_the_query_by_what_was_made_of_the_keys(qkv: Callable) -> None:
    q, k, v = qkv(g=2)
    made = attnviz.attend("path", q, k, v)
    w, beta = made["direction"].value, made["turn_amount"].value
    given = attnviz.attend("path", q, k, v, w=w, beta=beta)
    assert torch.equal(given["pattern"].value, made["pattern"].value)
    torch.testing.assert_close(w.norm(dim=-1), torch.ones(2, 6, 9, dtype=w.dtype))


def test_path_is_the_product_of_the_matrices_between(qkv: Callable) -> None:
    found = attnviz.attend("path", *qkv())
    w, beta = found["direction"].value[0, 0], found["turn_amount"].value[0, 0]
    for t in range(9):
        for s in range(t + 1):
            turned = found["k"].value[0, 0, s]
            for between in range(s + 1, t + 1):
                turned = turned - beta[between] * (w[between] @ turned) * w[between]
            expected = float(found["q"].value[0, 0, t] @ turned)
            assert float(found["path"].value[0, 0, t, s]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["cope", "forgetting", "path"])
def test_a_hidden_token_is_counted_as_if_it_were_not_there(qkv: Callable, name: str) -> None:
    q, k, v = qkv(t=5)
    there = torch.arange(9) != 2
    hidden = attnviz.attend(name, q, k, v, there)
    gone = attnviz.attend(name, q, k[:, :, there], v[:, :, there])
    torch.testing.assert_close(hidden["pattern"].value[..., there], gone["pattern"].value)


@pytest.mark.parametrize("name", ALONE)
def test_the_last_query_stands_at_the_last_key(qkv: Callable, name: str) -> None:
    q, k, v = qkv()
    last = attnviz.attend(name, q[:, :, 5:], k, v)["pattern"].value
    expected = attnviz.attend(name, q, k, v)["pattern"].value[:, :, 5:]
    torch.testing.assert_close(last, expected)


@pytest.mark.parametrize("name", ALONE)
def test_positions_work_with_shared_keys(qkv: Callable, name: str) -> None:
    q, k, v = qkv(g=2)
    found = attnviz.attend(name, q, k, v)["z"].value
    expected = attnviz.attend(name, q, *(x.repeat_interleave(3, dim=1) for x in (k, v)))
    torch.testing.assert_close(found, expected["z"].value)


@pytest.mark.parametrize("name", ALONE)
def test_every_sequence_of_a_batch_may_have_weights_of_its_own(qkv: Callable, name: str) -> None:
    q, k, v = qkv(t=5)
    variant = attnviz.variants()[name]
    seeds = [{"seed": seed} for seed in (0, 1)] if "seed" in variant.knobs else [{}, {}]
    own = [variant.build(Inputs.of(q, k, v), **seed).weights for seed in seeds]
    both = {name: torch.stack([weights[name] for weights in own]) for name in own[0]}
    found = attnviz.attend(name, q, k, v, **both)["z"].value
    for i, weights in enumerate(own):
        one = attnviz.attend(name, *(x[i : i + 1] for x in (q, k, v)), **weights)
        torch.testing.assert_close(found[i], one["z"].value)
