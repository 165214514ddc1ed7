"""Decoding takes the most probable token at every step, or draws one; one sentence or many."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from attnviz.model.decision import Decision, drawn
from attnviz.model.generate import generate, greedy
from attnviz.model.transformer import Transformer

Make = Callable[..., Transformer]
START, END, LIMIT = 2, 3, 11
BEGIN = torch.tensor([[START]])
SEEDS = (14, 26, 37)


def step_by_step(model: Transformer, source_1S: Tensor) -> list[int]:
    """The same without a cache: the whole model anew for every token."""
    found = [START]
    while len(found) < LIMIT and (found[-1] != END or len(found) == 1):
        found.append(int(model(source_1S, torch.tensor([found]))[0, -1].argmax()))
    return found


def sources(n: int) -> list[Tensor]:
    make = torch.Generator().manual_seed(4)
    return [torch.randint(4, 31, (1, 2 + i % 6), generator=make) for i in range(n)]


@pytest.fixture(params=SEEDS)
def model(
    make_model: Make, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Transformer:
    """Random models that end some sentences early, and would go on after the end: their
    unembedding is another matrix than their embedding, so that no token calls for itself."""
    model = make_model(seed=request.param)
    W_U = torch.randn(31, 12).double() * torch.where(torch.arange(31) == END, 1.5, 1)[:, None]
    monkeypatch.setattr(model, "unembed", lambda x, *_: x @ W_U.T)
    return model


def test_cached_decoding_is_decoding_anew_at_every_step(model: Transformer) -> None:
    for source in sources(6):
        ids = generate(model, source, None, BEGIN, END, LIMIT)
        assert ids[0].tolist() == step_by_step(model, source)


def test_a_batch_decodes_as_its_sentences_one_by_one(model: Transformer) -> None:
    rows = sources(6)
    width = max(row.shape[1] for row in rows)
    source = torch.cat([torch.nn.functional.pad(row, (0, width - row.shape[1])) for row in rows])
    real = torch.arange(width) < torch.tensor([[row.shape[1]] for row in rows])
    ids = generate(model, source, real, BEGIN.expand(len(rows), 1), END, LIMIT)
    assert len({len(step_by_step(model, row)) for row in rows}) > 1
    for found, row in zip(ids.tolist(), rows, strict=True):
        alone = step_by_step(model, row)
        assert found[: len(alone)] == alone
        assert set(found[len(alone) :]) <= {END}


def test_each_token_is_the_most_probable_of_its_logits(model: Transformer) -> None:
    seen: list[Tensor] = []

    def watching(logits_BV: Tensor) -> Tensor:
        seen.append(logits_BV)
        return greedy(logits_BV)

    ids = generate(model, sources(1)[0], None, BEGIN, END, LIMIT, watching)
    logits_BTV = torch.stack(seen, dim=1)
    assert logits_BTV.shape == (1, ids.shape[1] - 1, 31)
    assert logits_BTV.argmax(-1).tolist() == ids[:, 1:].tolist()


def test_decoding_stops_at_the_limit(model: Transformer) -> None:
    ids = generate(model, sources(1)[0], None, BEGIN, 99, 5)
    assert ids.shape[1] == 5


def test_sampling_draws_from_the_most_probable_by_their_probabilities() -> None:
    logits_BV = torch.tensor([2.0, 1.0, 0.0, -1.0]).repeat(20_000, 1)
    found = drawn(Decision(temperature=0.5, top_k=3), torch.Generator().manual_seed(1))(logits_BV)
    shares = found.bincount(minlength=4) / len(found)
    expected = torch.tensor([4.0, 2.0, 0.0]).softmax(0)
    torch.testing.assert_close(shares[:3], expected, atol=0.01, rtol=0)
    assert shares[3] == 0


def test_sampling_from_one_token_is_greedy(model: Transformer) -> None:
    source = sources(1)[0]
    one = drawn(Decision(top_k=1), torch.Generator())
    ids = generate(model, source, None, BEGIN, END, LIMIT, one)
    assert torch.equal(ids, generate(model, source, None, BEGIN, END, LIMIT))
