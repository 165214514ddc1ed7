"""A language model is told every token once; its score is a sum over what stands before each."""

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from attnviz.model.transformer import Transformer
from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training.batch import IGNORE
from attnviz.training.corpus import held_out
from attnviz.training.stage import Stage
from attnviz.training.tasks import language
from attnviz.training.tasks.language import Language, Windows

LONG = " ".join(["They like the red apples, today."] * 9)
TEXTS = ["I read books.", LONG, "tea", "", "今天，我读书。", "We forget fresh bread, today."]
STAGE = Stage(steps=1, warmup=1, cooldown=1, learning_rate=1.0, dropout=0.0)


def windows(tokenizer: Tokenizer, n_ctx: int, alpha: float | None = None) -> list[tuple]:
    """(read, told) of every example, padding left out."""
    found = []
    for batch in Windows(TEXTS, tokenizer, n_ctx).batches(200, 1, STAGE, alpha):
        assert batch.source is None
        assert batch.target is not None
        for read, told in zip(batch.target.tolist(), batch.labels.tolist(), strict=True):
            n = sum(label != IGNORE for label in told)
            assert set(told[n:]) <= {IGNORE}
            assert set(read[n:]) <= {tokenizer.pad}
            found.append((tuple(read[:n]), tuple(told[:n])))
    return found


@pytest.mark.parametrize("n_ctx", [3, 11, 40, 1000])
def test_every_token_is_told_exactly_once_from_the_one_before_it(
    masking: Tokenizer, n_ctx: int
) -> None:
    rows = [[masking.start, *masking.encode(text).ids, masking.end] for text in TEXTS]
    expected = Counter((a, b) for row in rows for a, b in pairwise(row))
    found = windows(masking, n_ctx)
    pairs = Counter(pair for read, told in found for pair in zip(read, told, strict=True))
    assert pairs == expected
    assert max(len(read) for read, _ in found) <= n_ctx
    for read, told in found:
        assert read[1:] == told[:-1], "what is read is what was told before"


def test_a_sampled_cut_says_the_same_texts(masking: Tokenizer) -> None:
    found = windows(masking, 1000, alpha=0.1)
    assert Counter(masking.decode(told) for _, told in found) == Counter(TEXTS)
    assert Counter(found) != Counter(windows(masking, 1000))


def test_the_same_seed_gives_the_same_batches(masking: Tokenizer) -> None:
    def made(seed: int) -> list[list[int]]:
        data = Windows(TEXTS * 3, masking, 20)
        return [b.labels.tolist() for b in data.batches(60, seed, STAGE, 0.2)]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_no_batch_of_several_is_larger_than_the_limit(masking: Tokenizer) -> None:
    for batch in Windows(TEXTS * 5, masking, 20).batches(70, 1):
        assert (batch.labels.shape[1] + 1) * len(batch.labels) <= 70


def test_the_parts_are_told_apart_by_the_text_alone(folder: Path, masking: Tokenizer) -> None:
    train, dev = (language.texts(folder, part) for part in ("train", "dev"))
    for name, many in train.items():
        assert many
        assert dev[name]
        assert not any(map(held_out, many))
        assert all(map(held_out, dev[name]))
        assert not set(many) & set(dev[name])
    assert len(train["stories"]) + len(dev["stories"]) == 50, "the last one was cut off"
    assert not any("cut off" in story for story in train["stories"] + dev["stories"])
    task = Language()
    assert task.texts(folder) == train["stories"] + train["sentences"]
    corpus = task.corpus(folder, "dev", masking, 20)
    assert corpus.texts == dev["stories"] + dev["sentences"]
    assert task.labels(folder) == ()


@pytest.fixture
def model(make_model: Callable[..., Transformer]) -> Transformer:
    return make_model(kind="decoder-only", position="rope", d_vocab=321, n_ctx=10)


def test_bits_are_sums_over_the_context_that_each_token_was_told_from(
    model: Transformer, masking: Tokenizer
) -> None:
    """Token by token: the first n_ctx tokens from all before them, then half a window at a time."""
    texts = ["tea", "I read books.", LONG, ""]
    expected, count = 0.0, 0
    for text in texts:
        row = [masking.start, *masking.encode(text).ids, masking.end]
        for place in range(1, len(row)):
            last = 10 if place <= 10 else min(len(row) - 1, 10 + 5 * math.ceil((place - 10) / 5))
            first = max(0, min(last, len(row) - 1) - 10)
            context = torch.tensor([row[first:place]])
            if place > 10:
                assert 5 <= place - first <= 10
            probs = model(target_BT=context)[0, -1].softmax(-1)
            expected, count = expected - math.log2(probs[row[place]].item()), count + 1
    bits, pieces = language.held_out_bits(model, masking, texts)
    assert pieces == count
    assert bits == pytest.approx(expected, rel=1e-5)


def test_scores_are_bits_over_characters_and_perplexity_over_pieces(
    make_bundle: Callable[..., Bundle], masking_file: Path, folder: Path
) -> None:
    bundle = make_bundle(masking_file, kind="decoder-only", n_ctx=30)
    found = Language().scores(bundle, folder)
    for name, many in language.texts(folder, "dev").items():
        bits, pieces = language.held_out_bits(bundle.model, bundle.tokenizer, many)  # type: ignore
        rate = bits / sum(map(len, many))
        assert found[f"bits-{name}"] == round(rate, 3)
        assert found[f"perplexity-{name}"] == round(2 ** (bits / pieces), 1)
