"""Every kind of body: what holds for a Transformer holds for recurrences, convolutions, turned
positions and slots."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnviz.attention.core import Attention
from attnviz.model.generate import generate
from attnviz.model.recurrence import Recurrence
from attnviz.model.transformer import Transformer
from attnviz.recorder import Recorder
from attnviz.trace import Trace

Make = Callable[..., Transformer]
Theirs = Callable[[Attention], nn.MultiheadAttention]
Choices = dict[str, Any]
B, S, T, V, D = 2, 7, 5, 31, 12
START, END, LIMIT = 2, 3, 9
EXACT: Choices = {"atol": 1e-10, "rtol": 1e-10}
REAL = torch.arange(S) < torch.tensor([[S], [4]])
LABELS = ("bad", "good", "so-so")
WRITERS: dict[str, Choices] = {
    "LSTM both sides": {"body": "lstm", "position": "none", "d_mlp": 0},
    "GRU both sides": {"body": "gru", "position": "none", "n_heads": 1, "n_kv_heads": 1},
    "GRU with the norm after": {"body": "gru", "norm_place": "post", "norm": "rms"},
    "turned": {"position": "rope", "n_kv_heads": 1},
    "turned alone": {"kind": "decoder-only", "position": "rope", "norm": "rms"},
    "no positions": {"position": "none"},
    "LSTM alone": {"kind": "decoder-only", "body": "lstm", "position": "none"},
    "slots": {"n_slots": 4, "position": "learned"},
    "slots of a GRU": {"n_slots": 3, "body": "gru", "d_mlp": 0},
}
READERS: dict[str, Choices] = {
    body: {"kind": "encoder-only", "body": body, "d_mlp": 0, "n_slots": 1, "labels": LABELS}
    for body in ("lstm", "gru", "cnn", "transformer")
} | {
    "turned reader": {"kind": "encoder-only", "position": "rope"},
    "CNN without a pool": {"kind": "encoder-only", "body": "cnn", "norm_place": "post"},
}
EVERY = WRITERS | READERS
every = pytest.mark.parametrize("choices", EVERY.values(), ids=EVERY)
writers = pytest.mark.parametrize("choices", WRITERS.values(), ids=WRITERS)


def ids(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(4, V, shape, generator=torch.Generator().manual_seed(seed))


def inputs(choices: Choices, n_batch: int = B) -> dict[str, Tensor]:
    kind = choices.get("kind", "encoder-decoder")
    found = {}
    if kind != "decoder-only":
        found |= {"source_BS": ids(n_batch, S), "source_real_BS": REAL[:n_batch]}
    if kind != "encoder-only":
        found["target_BT"] = ids(n_batch, T, seed=1)
    return found


@every
def test_recording_does_not_change_a_bit(make_model: Make, choices: Choices) -> None:
    model, rec = make_model(**choices), Recorder()
    plain = model(**inputs(choices))
    assert torch.equal(model(**inputs(choices), rec=rec), plain)
    assert torch.equal(Trace.of(rec, batched=True)["logits"].value, plain)


@every
def test_the_gradient_reaches_every_parameter(make_model: Make, choices: Choices) -> None:
    model = make_model(**choices).train()
    model(**inputs(choices)).log_softmax(-1)[..., 2].sum().backward()
    unreached = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # a shift of all of a query's scores changes no weight, so b_K's true gradient is zero
    assert [name for name in unreached if not name.endswith(".b_K")] == []


@every
def test_padding_never_changes_what_real_tokens_get(make_model: Make, choices: Choices) -> None:
    if choices.get("kind") == "decoder-only":
        return  # its padding stands after all it reads
    model, given = make_model(**choices), inputs(choices)
    target = {"target_BT": given["target_BT"][1:]} if "target_BT" in given else {}
    alone = model(given["source_BS"][1:, :4], **target)[0]
    for fill in (0, 9):
        source = given["source_BS"].where(REAL, fill)
        found = model(**(given | {"source_BS": source}))
        torch.testing.assert_close(found[1, : len(alone)], alone, **EXACT)


@writers
@pytest.mark.parametrize("at_once", [1, 2])
def test_cached_decoding_is_the_full_pass(make_model: Make, choices: Choices, at_once: int) -> None:
    model, given = make_model(**choices), inputs(choices)
    memory, real, cache = None, given.get("source_real_BS"), model.cache()
    if "source_BS" in given:
        memory = model.encode(given["source_BS"], real)
    pieces = [
        model.unembed(model.decode(part, memory, real, cache=cache))
        for part in given["target_BT"].split(at_once, dim=1)
    ]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(**given), **EXACT)
    assert cache.length == T


def unlike(model: Transformer, patch: pytest.MonkeyPatch) -> None:
    """Give the model an unembedding that is not its embedding, so that no token calls for itself,
    and that ends some sentences early."""
    make = torch.Generator().manual_seed(6)
    W_U = torch.randn(V, D, dtype=torch.float64, generator=make)
    W_U[END] *= 1.6
    patch.setattr(model.embed, "unembed", lambda x: x @ W_U.T)


@writers
def test_writing_is_the_whole_model_anew_for_every_token(
    make_model: Make, choices: Choices, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(**choices)
    unlike(model, monkeypatch)
    alone = choices.get("kind") == "decoder-only"
    seen: set[int] = set()
    for n in (2, 3, 6):
        begin = [START, *ids(n).tolist()] if alone else [START]
        source = None if alone else ids(1, n, seed=n)
        found = list(begin)
        while len(found) < LIMIT and (found[-1] != END or len(found) == len(begin)):
            found.append(int(model(source, torch.tensor([found]))[0, -1].argmax()))
        written = generate(model, source, None, torch.tensor([begin]), END, LIMIT)
        assert written[0].tolist() == found
        seen |= set(found[1:])
    assert len(seen) > 1


@writers
def test_a_batch_is_written_as_its_sentences_one_by_one(
    make_model: Make, choices: Choices, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(**choices)
    unlike(model, monkeypatch)
    if choices.get("kind") == "decoder-only":
        starts = [torch.tensor([[START, i]]) for i in (7, 8, 9)]
        rows = [generate(model, None, None, one, END, LIMIT) for one in starts]
        found = generate(model, None, None, torch.cat(starts), END, LIMIT)
    else:
        source, begin = ids(B, S), torch.tensor([[START]])
        rows = [
            generate(model, source[i : i + 1, :n], None, begin, END, LIMIT)
            for i, n in enumerate(REAL.sum(-1).tolist())
        ]
        found = generate(model, source, REAL, begin.expand(B, 1), END, LIMIT)
    for whole, row in zip(found.tolist(), (row[0].tolist() for row in rows), strict=True):
        assert whole[: len(row)] == row
        assert set(whole[len(row) :]) <= {END}


@writers
def test_a_later_target_token_never_changes_earlier_logits(
    make_model: Make, choices: Choices
) -> None:
    model, given = make_model(**choices), inputs(choices)
    before = model(**given)
    for place in range(1, T):
        target = given["target_BT"].clone()
        target[:, place] = (target[:, place] + 1) % V
        after = model(**(given | {"target_BT": target}))
        torch.testing.assert_close(after[:, :place], before[:, :place], **EXACT)
        assert not torch.allclose(after[:, place:], before[:, place:])


@pytest.mark.parametrize("body", ["lstm", "gru", "transformer"])
def test_every_source_token_changes_all_places(make_model: Make, body: str) -> None:
    model = make_model(kind="encoder-only", body=body, position="none")
    source = ids(1, S)
    for place in (0, 3, S - 1):
        other = source.clone()
        other[0, place] = (source[0, place] + 1) % V
        assert (model(source) != model(other)).any(-1).all()


def test_a_convolution_of_two_layers_reaches_two_tokens_far(make_model: Make) -> None:
    model = make_model(kind="encoder-only", body="cnn", position="none")
    source = ids(1, S)
    other = source.clone()
    other[0, 2] = (source[0, 2] + 1) % V
    changed = (model(source) != model(other)).any(-1)[0]
    assert changed.tolist() == [place <= 4 for place in range(S)]


def test_a_recurrent_translator_is_torchs_layers_on_a_residual_stream(
    make_model: Make, torchs_attention: Theirs
) -> None:
    model = make_model(body="lstm", position="none", d_mlp=0)
    assert model.encoder is not None
    assert model.decoder is not None

    def normed(x: Tensor, norm: Any) -> Tensor:
        return nn.functional.layer_norm(x, (D,), norm.gain, norm.bias)

    def read(x: Tensor, block: Any) -> Tensor:
        return x + block.recurrence.layer(normed(x, block.self_norm))[0]

    source, target = ids(B, S), ids(B, T, seed=1)
    memory, x = (model.embed.W_E[tokens] * D**0.5 for tokens in (source, target))
    for block in model.encoder.blocks:
        memory = read(memory, block)
    memory = normed(memory, model.encoder.norm)
    for block in model.decoder.blocks:
        assert isinstance(block.cross_attention, Attention)
        x = read(x, block)
        asked = normed(x, block.cross_norm)
        x = x + torchs_attention(block.cross_attention)(asked, memory, memory)[0]
    logits = normed(x, model.decoder.norm) @ model.embed.W_E.T
    torch.testing.assert_close(model(source, target), logits, **EXACT)


def test_only_an_encoder_reads_backward(make_model: Make) -> None:
    model = make_model(body="gru")
    ways = {
        name: module.ways
        for name, module in model.named_modules()
        if isinstance(module, Recurrence)
    }
    assert ways == {
        **{f"encoder.blocks.{i}.recurrence": ("onward", "backward") for i in (0, 1)},
        **{f"decoder.blocks.{i}.recurrence": ("onward",) for i in (0, 1)},
    }


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"body": "lstm"}, ["decoder.0.cross", "decoder.1.cross"]),
        ({"kind": "decoder-only", "body": "gru"}, []),
        ({"kind": "encoder-only", "body": "cnn", "n_slots": 1}, ["pool.0.cross"]),
        (
            {"n_slots": 3, "n_layers": 1},
            ["encoder.0.self", "pool.0.cross", "decoder.0.self", "decoder.0.cross"],
        ),
        ({"n_slots": 3, "n_layers": 1, "body": "gru"}, ["pool.0.cross", "decoder.0.cross"]),
    ],
    ids=str,
)
def test_the_attentions_are_those_that_leave_a_pattern(
    make_model: Make, choices: Choices, expected: list[str]
) -> None:
    model, rec = make_model(**choices), Recorder()
    model(**inputs(choices, 1), rec=rec)
    assert list(model.attentions()) == expected
    found = [path.removesuffix(".pattern") for path in rec.kept() if path.endswith(".pattern")]
    assert found == expected


# turned positions


def turned(x_HTK: Tensor) -> Tensor:
    """The first half of each vector as real and the second as imaginary numbers, each turned by its
    own angle for every token."""
    half = x_HTK.shape[-1] // 2
    numbers = torch.complex(x_HTK[..., :half], x_HTK[..., half:])
    speed = 10_000.0 ** (-torch.arange(half) / half).double()
    angle = torch.arange(x_HTK.shape[1])[:, None] * speed
    return numbers * torch.polar(torch.ones_like(angle), angle)


@pytest.mark.parametrize("kind", ["decoder-only", "encoder-only", "encoder-decoder"])
def test_turned_scores_are_products_of_complex_numbers(make_model: Make, kind: str) -> None:
    choices = {"kind": kind, "position": "rope"}
    rec = Recorder()
    make_model(**choices)(**inputs(choices, 1), rec=rec)
    trace = Trace.of(rec)
    paths = [path for path in trace if path.endswith("self.scores")]
    assert len(paths) == 2 * len(set(kind.split("-")) - {"only"})
    for path in paths:
        q, k = (turned(trace[path.replace("scores", name)].value) for name in "qk")
        expected = (q @ k.conj().mT).real / 2  # the root of a width of 4
        torch.testing.assert_close(trace[path].value, expected, **EXACT)


def test_turning_leaves_cross_attention_alone(make_model: Make) -> None:
    rec = Recorder()
    make_model(position="rope")(**inputs({}, 1), rec=rec)
    trace = Trace.of(rec)
    q, k = (trace[f"decoder.0.cross.{name}"].value for name in "qk")
    torch.testing.assert_close(trace["decoder.0.cross.scores"].value, q @ k.mT / 2, **EXACT)


def test_turned_scores_depend_on_the_distance_alone(make_model: Make) -> None:
    rec = Recorder()
    model = make_model(kind="decoder-only", position="rope")
    model(target_BT=torch.full((1, 9), 5), rec=rec)
    scores = Trace.of(rec)["decoder.0.self.scores"].value
    for far in range(-8, 9):
        diagonal = scores.diagonal(far, 1, 2)
        torch.testing.assert_close(diagonal, diagonal[:, :1].expand_as(diagonal), **EXACT)
    assert scores[:, :, 0].std(-1).min() > 0.01


@pytest.mark.parametrize(("position", "told"), [("rope", True), ("none", False)])
def test_without_positions_the_order_of_the_source_is_not_told(
    make_model: Make, position: str, told: bool
) -> None:
    model = make_model(kind="encoder-only", position=position)
    source, order = ids(1, S), torch.tensor([3, 0, 6, 2, 1, 5, 4])
    same = torch.allclose(model(source[:, order]), model(source)[:, order], atol=1e-10)
    assert same != told


@pytest.mark.parametrize("position", ["rope", "none"])
def test_without_a_table_nothing_is_added_to_the_tokens(make_model: Make, position: str) -> None:
    rec = Recorder()
    model = make_model(kind="decoder-only", position=position)
    model(target_BT=ids(1, T), rec=rec)
    kept = rec.kept()
    assert [path for path in kept if ".embed." in path] == [
        "decoder.embed.ids",
        "decoder.embed.token",
    ]
    assert torch.equal(kept["decoder.0.resid_pre"].value, kept["decoder.embed.token"].value)
    with pytest.raises(ValueError, match="18 tokens, but the model has 17 positions"):
        model(target_BT=ids(1, 18))
