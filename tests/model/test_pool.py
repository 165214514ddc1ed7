"""A pool is torch's attention asked by learned queries; what follows reads the slots alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnviz.attention.core import Attention
from attnviz.model.transformer import Transformer
from attnviz.recorder import Recorder
from attnviz.trace import Trace

Make = Callable[..., Transformer]
Theirs = Callable[[Attention], nn.MultiheadAttention]
B, S, T, SLOTS, D, V = 2, 7, 5, 4, 12, 31
EXACT: dict[str, Any] = {"atol": 1e-10, "rtol": 1e-10}
REAL = torch.arange(S) < torch.tensor([[S], [3]])
LABELS = ("bad", "good", "so-so", "unclear", "vague")


def ids(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def autoencoder(make_model: Make) -> Transformer:
    return make_model(n_slots=SLOTS)


@pytest.fixture
def classifier(make_model: Make) -> Transformer:
    return make_model(kind="encoder-only", n_slots=1, labels=LABELS)


def memory(model: Transformer, source: Tensor, real: Tensor | None = None) -> Tensor:
    """What the pool reads: the encoder's output."""
    rec = Recorder()
    model.encode(source, real, rec)
    return rec.kept()["encoder.norm"].value


@pytest.mark.parametrize("real", [None, REAL], ids=["whole", "padded"])
def test_a_pool_is_torchs_attention_asked_by_the_learned_queries(
    autoencoder: Transformer, torchs_attention: Theirs, real: Tensor | None
) -> None:
    pool, source = autoencoder.pool, ids(B, S)
    assert pool is not None
    queries = pool.queries.expand(B, -1, -1)
    read = memory(autoencoder, source, real)
    masked = None if real is None else ~real
    out, pattern = torchs_attention(pool.attention)(queries, read, read, masked)
    norm: Any = pool.norm
    expected = nn.functional.layer_norm(queries + out, (D,), norm.gain, norm.bias)
    rec = Recorder()
    torch.testing.assert_close(autoencoder.encode(source, real, rec), expected, **EXACT)
    found = rec.kept()["pool.0.cross.pattern"].value
    assert found.shape == (B, 3, SLOTS, S)
    torch.testing.assert_close(found.mean(1), pattern, **EXACT)


@pytest.mark.parametrize("body", ["transformer", "lstm", "gru", "cnn"])
def test_a_classifier_says_one_row_that_is_a_weighted_sum_of_its_one_slot(
    make_model: Make, body: str
) -> None:
    model = make_model(kind="encoder-only", n_slots=1, labels=LABELS, body=body, d_mlp=0)
    rec = Recorder()
    logits = model(ids(1, S), rec=rec)
    assert logits.shape == (1, 1, len(LABELS))
    slot = rec.kept()["pool.norm"].value[0, 0].tolist()
    assert model.classify is not None
    W, b = model.classify.weight.tolist(), model.classify.bias.tolist()
    expected = [sum(x * w for x, w in zip(slot, W[v], strict=True)) + b[v] for v in range(5)]
    assert logits[0, 0].tolist() == pytest.approx(expected, abs=1e-10)
    trace = Trace.of(rec)
    assert trace["chosen"].value.tolist() == [expected.index(max(expected))]
    assert trace["probs"].value.sum().item() == pytest.approx(1)


def test_an_edit_of_the_pools_pattern_changes_what_a_classifier_says(
    classifier: Transformer,
) -> None:
    source = ids(1, S)
    uniform = {"pool.0.cross.pattern": lambda pattern: torch.full_like(pattern, 1 / S)}
    edited = classifier(source, rec=Recorder(uniform))
    assert not torch.allclose(edited, classifier(source))
    rec = Recorder(uniform)
    classifier(source, rec=rec)
    v = rec.kept()["pool.0.cross.v"].value
    torch.testing.assert_close(rec.kept()["pool.0.cross.z"].value, v.mean(2, keepdim=True), **EXACT)


def test_a_decoder_after_a_pool_sees_nothing_of_the_source_but_the_slots(
    autoencoder: Transformer,
) -> None:
    first, other, target = ids(1, S, seed=1), ids(1, S - 2, seed=2), ids(1, T, seed=3)
    slots = autoencoder.encode(first)
    kept = {"pool.norm": lambda _: slots.clone()}
    expected = autoencoder(first, target)
    assert not torch.allclose(autoencoder(other, target), expected)
    assert torch.equal(autoencoder(other, target, rec=Recorder(kept)), expected)
    assert torch.equal(autoencoder.unembed(autoencoder.decode(target, slots)), expected)


def test_a_decoder_after_a_pool_asks_as_many_vectors_as_there_are_slots(
    autoencoder: Transformer,
) -> None:
    rec = Recorder()
    autoencoder(ids(1, S), ids(1, T, seed=1), rec=rec)
    trace = Trace.of(rec)
    assert trace["pool.0.cross.pattern"].value.shape == (3, SLOTS, S)
    for layer in range(2):
        assert trace[f"decoder.{layer}.cross.pattern"].value.shape == (3, T, SLOTS)
    slots = trace["pool.norm"].value
    attention: Any = autoencoder.decoder.blocks[1].cross_attention  # type: ignore[union-attr]
    expected = torch.einsum("sd,hdk->hsk", slots, attention.W_K) + attention.b_K[:, None]
    torch.testing.assert_close(trace["decoder.1.cross.k"].value, expected, **EXACT)


def test_every_slot_is_real_however_much_of_the_source_is_padding(
    autoencoder: Transformer,
) -> None:
    source, target = ids(B, S), ids(B, T, seed=1)
    found = autoencoder(source, target, REAL)
    for i, n in enumerate(REAL.sum(-1).tolist()):
        alone = autoencoder(source[i : i + 1, :n], target[i : i + 1])[0]
        torch.testing.assert_close(found[i], alone, **EXACT)


def test_without_the_slots_vectors_every_source_is_alike(autoencoder: Transformer) -> None:
    nothing = {"pool.norm": torch.zeros_like}
    target = ids(1, T, seed=3)
    found = [autoencoder(ids(1, n, seed=n), target, rec=Recorder(nothing)) for n in (2, 5, 9)]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[1], found[2])
