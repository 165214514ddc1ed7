"""The Transformer agrees with torch's own layers, and a recording changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from attnviz.attention.core import STANDARD, Attention
from attnviz.model.block import Block
from attnviz.model.norm import LayerNorm, RMSNorm
from attnviz.model.transformer import Transformer
from attnviz.recorder import SILENT, Recorder
from attnviz.trace import Trace

Make = Callable[..., Transformer]

B, T, S, V = 2, 5, 7, 31
KINDS = ["encoder-decoder", "decoder-only", "encoder-only"]
EXACT: dict[str, Any] = {"atol": 1e-10, "rtol": 1e-10}
REAL = torch.arange(S) < torch.tensor([[S], [4]])


def ids(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(seed))


def inputs(kind: str, n_batch: int = B) -> dict[str, Tensor]:
    source, target = ids(n_batch, S), ids(n_batch, T, seed=1)
    every = {"source_BS": source, "target_BT": target, "source_real_BS": REAL[:n_batch]}
    kept = {
        "encoder-decoder": ("source_BS", "target_BT", "source_real_BS"),
        "decoder-only": ("target_BT",),
        "encoder-only": ("source_BS", "source_real_BS"),
    }
    return {name: every[name] for name in kept[kind]}


# torch's layers with our weights


def fill_attention(theirs: nn.MultiheadAttention, ours: Attention) -> None:
    rows = [w.mT.flatten(0, 1) for w in (ours.W_Q, ours.W_K, ours.W_V)]
    theirs.in_proj_weight.copy_(torch.cat(rows))
    theirs.in_proj_bias.copy_(torch.cat([b.flatten() for b in (ours.b_Q, ours.b_K, ours.b_V)]))
    theirs.out_proj.weight.copy_(ours.W_O.flatten(0, 1).T)
    theirs.out_proj.bias.copy_(ours.b_O)


def fill_norm(theirs: Any, ours: Any) -> None:
    theirs.weight.copy_(ours.gain)
    theirs.bias.copy_(ours.bias)


def fill_layer(theirs: Any, ours: Block) -> None:
    fill_attention(theirs.self_attn, ours.self_attention)
    fill_norm(theirs.norm1, ours.self_norm)
    last = theirs.norm2
    if ours.cross_attention is not None:
        fill_attention(theirs.multihead_attn, ours.cross_attention)
        fill_norm(theirs.norm2, ours.cross_norm)
        last = theirs.norm3
    fill_norm(last, ours.mlp_norm)
    for mine, reference in (("linear_in", theirs.linear1), ("linear_out", theirs.linear2)):
        reference.load_state_dict(getattr(ours.mlp, mine).state_dict())


@torch.no_grad()
def torchs(model: Transformer) -> nn.Transformer:
    """torch.nn.Transformer with the weights of `model`; without embeddings."""
    config = model.config
    assert model.encoder is not None
    assert model.decoder is not None
    choices: dict[str, Any] = {
        "dim_feedforward": config.d_mlp,
        "dropout": 0.0,
        "activation": config.activation,
        "batch_first": True,
        "norm_first": config.norm_place == "pre",
        "dtype": torch.float64,
    }
    layers = (
        nn.TransformerEncoderLayer(config.d_model, config.n_heads, **choices),
        nn.TransformerDecoderLayer(config.d_model, config.n_heads, **choices),
    )
    norms = [
        nn.LayerNorm(config.d_model, dtype=torch.float64) if stack.norm is not None else None
        for stack in (model.encoder, model.decoder)
    ]
    encoder = nn.TransformerEncoder(
        layers[0], config.n_layers, norms[0], enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(layers[1], config.n_layers, norms[1])
    whole = nn.Transformer(
        config.d_model,
        config.n_heads,
        custom_encoder=encoder,
        custom_decoder=decoder,
        batch_first=True,
    ).eval()
    # only now: nn.Transformer draws all weights anew
    for theirs, ours in ((encoder, model.encoder), (decoder, model.decoder)):
        for layer, block in zip(theirs.layers, ours.blocks, strict=True):
            assert isinstance(block, Block)
            fill_layer(layer, block)
        if theirs.norm is not None:
            fill_norm(theirs.norm, ours.norm)
    return whole


CHOICES = [(place, phi) for place in ("pre", "post") for phi in ("relu", "gelu")]


@pytest.mark.parametrize(("norm_place", "activation"), CHOICES)
def test_a_block_is_torchs_encoder_layer(
    make_model: Make, norm_place: str, activation: str
) -> None:
    model = make_model(norm_place=norm_place, activation=activation)
    reference = torchs(model).encoder.layers[1]
    x_BSD = torch.randn(B, S, 12, dtype=torch.float64)
    assert model.encoder is not None
    found = model.encoder.blocks[1](x_BSD, REAL[:, None, None])
    expected = reference(x_BSD, src_key_padding_mask=~REAL)
    torch.testing.assert_close(found[REAL], expected[REAL], **EXACT)


@pytest.mark.parametrize(("norm_place", "activation"), CHOICES)
def test_a_block_with_a_memory_is_torchs_decoder_layer(
    make_model: Make, norm_place: str, activation: str
) -> None:
    model = make_model(norm_place=norm_place, activation=activation)
    reference = torchs(model).decoder.layers[0]
    x_BTD = torch.randn(B, T, 12, dtype=torch.float64)
    memory_BSD = torch.randn(B, S, 12, dtype=torch.float64)
    assert model.decoder is not None
    found = model.decoder.blocks[0](
        x_BTD, None, memory_BSD, REAL[:, None, None], (model.decoder.parts, STANDARD)
    )
    future = ~torch.ones(T, T).tril().bool()
    expected = reference(x_BTD, memory_BSD, tgt_mask=future, memory_key_padding_mask=~REAL)
    torch.testing.assert_close(found, expected, **EXACT)


@pytest.mark.parametrize(("norm_place", "activation"), CHOICES)
def test_the_whole_model_is_torchs_transformer(
    make_model: Make, norm_place: str, activation: str
) -> None:
    model = make_model(norm_place=norm_place, activation=activation)
    source, target = ids(B, S), ids(B, T, seed=1)
    x_BTD = torchs(model)(
        model.embed(source),
        model.embed(target),
        tgt_mask=~torch.ones(T, T).tril().bool(),
        src_key_padding_mask=~REAL,
        memory_key_padding_mask=~REAL,
    )
    logits = model(source, target, REAL)
    torch.testing.assert_close(logits, x_BTD @ model.embed.W_E.T, **EXACT)


def test_the_root_mean_square_norm_is_torchs() -> None:
    ours, theirs = RMSNorm(6).double(), nn.RMSNorm(6, eps=1e-5, dtype=torch.float64)
    nn.init.normal_(ours.gain)
    theirs.weight = ours.gain
    x = torch.randn(B, T, 6, dtype=torch.float64) * 3 + 1
    torch.testing.assert_close(ours(x), theirs(x), **EXACT)


def test_the_layer_norm_is_the_sum_on_paper() -> None:
    norm = LayerNorm(3).double()
    x = torch.tensor([[1.0, 2.0, 6.0]], dtype=torch.float64)
    with torch.no_grad():
        norm.gain.copy_(torch.tensor([1.0, 2.0, 3.0]))
        norm.bias.copy_(torch.tensor([0.5, 0.0, -0.5]))
    deviation = (14 / 3 + 1e-5) ** 0.5  # mean 3, variance (4 + 1 + 9) / 3
    expected = [-2 / deviation + 0.5, -2 / deviation, 9 / deviation - 0.5]
    assert norm(x)[0].tolist() == pytest.approx(expected, abs=1e-12)


# the kinds and choices


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"norm": "rms", "n_kv_heads": 1},
        {"norm_place": "post", "activation": "gelu"},
        {"position": "learned", "norm_place": "post", "norm": "rms"},
    ],
)
def test_recording_does_not_change_a_bit(
    make_model: Make, kind: str, choices: dict[str, Any]
) -> None:
    model = make_model(kind=kind, **choices)
    rec = Recorder()
    plain = model(**inputs(kind), rec=SILENT)
    assert torch.equal(model(**inputs(kind), rec=rec), plain)
    trace = Trace.of(rec, batched=True)
    assert torch.equal(trace["logits"].value, plain)
    torch.testing.assert_close(trace["probs"].value.sum(-1), torch.ones(plain.shape[:2]).double())


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_of_the_model_leaves_its_steps(make_model: Make, kind: str) -> None:
    rec = Recorder()
    make_model(kind=kind)(**inputs(kind, n_batch=1), rec=rec)
    trace = Trace.of(rec)
    attention = ["norm", "q", "k", "v", "raw", "scaled", "scores", "masked"]
    attention += ["max", "exp", "sum", "pattern", "z", "out"]
    sublayers = {"self": attention, "mlp": ["norm", "pre", "post", "out"]}
    sides = {"encoder": sublayers, "decoder": dict(sublayers)}
    sides["decoder"] |= {"cross": attention} if kind == "encoder-decoder" else {}
    wanted = kind.split("-") if kind == "encoder-decoder" else [kind.split("-")[0]]
    for side in wanted:
        for layer in range(2):
            for sublayer, steps in sides[side].items():
                assert {f"{side}.{layer}.{sublayer}.{step}" for step in steps} <= set(trace)
        assert {f"{side}.embed.{step}" for step in ("token", "position", "sum")} <= set(trace)
    decision = ["logits", "tempered", "max", "exp", "sum", "probs", "rank", "before", "cut"]
    decision += ["left", "final", "chosen"]
    assert [path for path in trace if "." not in path] == decision
    assert {path.split(".")[0] for path in trace} == {*wanted, *decision}


def test_cross_attention_has_target_rows_and_source_columns(make_model: Make) -> None:
    rec = Recorder()
    make_model()(**inputs("encoder-decoder", n_batch=1), rec=rec)
    trace = Trace.of(rec)
    assert trace["decoder.1.cross.pattern"].value.shape == (3, T, S)
    assert trace["decoder.1.self.pattern"].value.shape == (3, T, T)
    assert trace["encoder.1.self.pattern"].value.shape == (3, S, S)


@pytest.mark.parametrize("norm_place", ["pre", "post"])
def test_the_residual_stream_is_the_sum_of_what_was_recorded(
    make_model: Make, norm_place: str
) -> None:
    rec = Recorder()
    make_model(norm_place=norm_place)(**inputs("encoder-decoder"), rec=rec)
    kept = {path: kept.value for path, kept in rec.kept().items()}
    assert torch.equal(kept["decoder.embed.sum"], kept["decoder.0.resid_pre"])
    assert torch.equal(kept["decoder.0.resid_post"], kept["decoder.1.resid_pre"])
    stream = [f"decoder.1.resid_{place}" for place in ("pre", "mid", "cross", "post")]
    for before, after, part in zip(stream, stream[1:], ("self", "cross", "mlp"), strict=False):
        added = kept[before] + kept[f"decoder.1.{part}.out"]
        if norm_place == "post":
            torch.testing.assert_close(kept[after], kept[f"decoder.1.{part}.norm"], **EXACT)
            assert added.shape == kept[after].shape
        else:
            torch.testing.assert_close(kept[after], added, **EXACT)


def test_grouped_heads_are_full_heads_with_repeated_keys_and_values(make_model: Make) -> None:
    grouped, full = make_model(n_kv_heads=1), make_model(n_kv_heads=3)
    weights = grouped.state_dict()
    for name in weights:
        if name.endswith((".W_K", ".W_V", ".b_K", ".b_V")):
            weights[name] = weights[name].repeat_interleave(3, dim=0)
    full.load_state_dict(weights)
    given_ = inputs("encoder-decoder")
    torch.testing.assert_close(grouped(**given_), full(**given_), **EXACT)


def test_one_matrix_embeds_and_unembeds(make_model: Make) -> None:
    model = make_model()
    rec = Recorder()
    logits = model(**inputs("encoder-decoder"), rec=rec)
    kept = {path: kept.value for path, kept in rec.kept().items()}
    expected = kept["decoder.norm"] @ model.embed.W_E.T
    torch.testing.assert_close(logits, expected, **EXACT)
    rows = model.embed.W_E[ids(B, T, seed=1)] * 12**0.5
    torch.testing.assert_close(kept["decoder.embed.token"], rows, **EXACT)


def test_sinusoidal_positions_are_those_of_the_paper(make_model: Make) -> None:
    positions = make_model().embed.positions
    assert positions is not None
    for t in (0, 1, 9):
        for i in range(6):
            angle = torch.tensor(t / 10000 ** (2 * i / 12), dtype=torch.float64)
            assert positions[t, 2 * i].item() == pytest.approx(angle.sin().item(), abs=1e-6)
            assert positions[t, 2 * i + 1].item() == pytest.approx(angle.cos().item(), abs=1e-6)


def test_learned_positions_tell_the_order_of_the_source(make_model: Make) -> None:
    model = make_model(kind="encoder-only", position="learned")
    source = ids(1, S)
    swapped = source[:, [1, 0, *range(2, S)]]
    assert not torch.allclose(model(source)[:, 2:], model(swapped)[:, 2:])
    assert "embed.positions" in dict(model.named_parameters())


@pytest.mark.parametrize("position", ["sinusoidal", "learned"])
def test_more_tokens_than_positions_are_refused_with_both_numbers(
    make_model: Make, position: str
) -> None:
    model = make_model(position=position)
    model.encode(ids(1, 17))
    with pytest.raises(ValueError, match="18 tokens, but the model has 17 positions"):
        model.encode(ids(1, 18))


def test_a_cached_step_past_the_last_position_is_refused(make_model: Make) -> None:
    model = make_model(kind="decoder-only")
    cache = model.cache()
    model.decode(ids(1, 17), cache=cache)
    with pytest.raises(ValueError, match="18 tokens, but the model has 17 positions"):
        model.decode(ids(1, 1), cache=cache)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm_place", ["pre", "post"])
@pytest.mark.parametrize("position", ["sinusoidal", "learned"])
def test_the_gradient_reaches_every_parameter(
    make_model: Make, kind: str, norm_place: str, position: str
) -> None:
    model = make_model(kind=kind, norm_place=norm_place, position=position).train()
    model(**inputs(kind)).log_softmax(-1)[..., 3].sum().backward()
    unreached = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # a shift of all of a query's scores changes no weight, so b_K's true gradient is zero
    assert [name for name in unreached if not name.endswith(".b_K")] == []
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


# what must not matter


def test_padding_never_changes_what_real_tokens_get(make_model: Make) -> None:
    model = make_model()
    short, target = ids(1, 4), ids(1, T, seed=1)
    alone = model(short, target)
    real = torch.arange(S)[None] < 4
    for fill in (0, 9):
        padded = torch.cat((short, torch.full((1, S - 4), fill)), dim=1)
        torch.testing.assert_close(model(padded, target, real), alone, **EXACT)
        encoded = model.encode(padded, real)[:, :4]
        torch.testing.assert_close(encoded, model.encode(short), **EXACT)


@given(kind=st.sampled_from(KINDS[:2]), place=st.integers(1, T - 1), token=st.integers(0, V - 1))
def test_a_later_target_token_never_changes_earlier_logits(
    make_model: Make, kind: str, place: int, token: int
) -> None:
    model = make_model(kind=kind)
    given_ = inputs(kind)
    before = model(**given_)
    changed = given_["target_BT"].clone()
    changed[:, place] = token
    after = model(**(given_ | {"target_BT": changed}))
    assert torch.equal(after[:, :place], before[:, :place])
    if (changed[:, place] != given_["target_BT"][:, place]).all():
        assert not torch.equal(after[:, place:], before[:, place:])


def test_an_encoder_token_changes_all_places(make_model: Make) -> None:
    model = make_model(kind="encoder-only")
    source = ids(1, S)
    other = source.clone()
    other[0, -1] = (source[0, -1] + 1) % V
    assert (model(source) != model(other)).any(-1).all()


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("n_kv_heads", [1, 3])
@pytest.mark.parametrize("at_once", [1, 2])
def test_cached_decoding_is_the_full_pass(
    make_model: Make, kind: str, n_kv_heads: int, at_once: int
) -> None:
    model = make_model(kind=kind, n_kv_heads=n_kv_heads)
    cache = model.cache()
    given_ = inputs(kind)
    memory, real = None, given_.get("source_real_BS")
    if kind == "encoder-decoder":
        memory = model.encode(given_["source_BS"], real)
    pieces = [
        model.unembed(model.decode(part, memory, real, cache=cache))
        for part in given_["target_BT"].split(at_once, dim=1)
    ]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(**given_), **EXACT)
    assert cache.length == T


def test_dropout_acts_in_training_only(make_config: Callable[..., Any]) -> None:
    model = Transformer(make_config())
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    given_ = inputs("encoder-decoder")
    assert not torch.equal(model.train()(**given_), model(**given_))
    assert torch.equal(model.eval()(**given_), model(**given_))


def test_a_forward_pass_leaves_nothing_behind(make_model: Make) -> None:
    model = make_model()
    before = {name: set(vars(module)) for name, module in model.named_modules()}
    model(**inputs("encoder-decoder"), rec=Recorder())
    assert {name: set(vars(module)) for name, module in model.named_modules()} == before


# edits


def silenced(head: int) -> Callable[[Tensor], Tensor]:
    def edit(z_BHTK: Tensor) -> Tensor:
        return z_BHTK * (torch.arange(z_BHTK.shape[1]) != head)[:, None, None]

    return edit


@pytest.mark.parametrize("path", ["encoder.0.self.z", "decoder.0.cross.z", "decoder.1.self.z"])
@pytest.mark.parametrize("head", [0, 2])
def test_silencing_a_head_changes_the_logits(make_model: Make, path: str, head: int) -> None:
    model = make_model()
    given_ = inputs("encoder-decoder")
    edited = model(**given_, rec=Recorder({path: silenced(head)}))
    assert not torch.allclose(edited, model(**given_))


def test_silencing_a_head_is_zeroing_its_output_weights(make_model: Make) -> None:
    model = make_model()
    given_ = inputs("encoder-decoder")
    edited = model(**given_, rec=Recorder({"decoder.1.cross.z": silenced(2)}))
    with torch.no_grad():
        model.get_parameter("decoder.blocks.1.cross_attention.W_O")[2] = 0
    torch.testing.assert_close(model(**given_), edited, **EXACT)


def test_an_edit_changes_its_step_and_what_follows_and_nothing_before(make_model: Make) -> None:
    model = make_model()
    path = "decoder.0.cross.pattern"
    plain, edited = Recorder(), Recorder({path: lambda value: torch.full_like(value, 1 / S)})
    for rec in (plain, edited):
        model(**inputs("encoder-decoder"), rec=rec)
    before, after = plain.kept(), edited.kept()
    assert (after[path].value == 1 / S).all()
    place = list(before).index(path)
    for i, name in enumerate(before):
        same = torch.equal(before[name].value, after[name].value)
        assert same or i >= place, name
    assert not torch.equal(before["logits"].value, after["logits"].value)


STREAM = ["encoder.embed.sum", "encoder.0.resid_pre", "encoder.0.resid_mid", "encoder.norm"]
PARTS = ["decoder.0.self.q", "decoder.0.self.k", "decoder.0.cross.v", "decoder.1.cross.scores"]
MORE = ["decoder.1.self.out", "decoder.1.resid_cross", "decoder.1.mlp.post", "decoder.1.mlp.norm"]


@pytest.mark.parametrize("path", [*STREAM, *PARTS, *MORE, "logits", "encoder.embed.position"])
def test_an_edit_anywhere_reaches_the_logits(make_model: Make, path: str) -> None:
    model = make_model()
    given_ = inputs("encoder-decoder")
    edits = {path: lambda value: value * torch.linspace(0.2, 2, value.shape[-1]).double()}
    assert not torch.allclose(model(**given_, rec=Recorder(edits)), model(**given_))
