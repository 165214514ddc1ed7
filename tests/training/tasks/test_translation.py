"""Batches hold every pair once in each direction, within the limit, the same for the same seed."""

from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from attnviz.tokenizer import Tokenizer
from attnviz.training.batch import IGNORE, Batch
from attnviz.training.corpus import Pair
from attnviz.training.tasks.translation import Mix, Pairs

LIMIT = 300
SAMPLED = Mix(alpha=0.2)


@pytest.fixture
def data(pairs: list[Pair], tokenizer: Tokenizer) -> Pairs:
    return Pairs(pairs, ("en", "zh"), tokenizer, n_ctx=60)


def sides(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The source and the target, which every batch of pairs has."""
    assert batch.source is not None
    assert batch.target is not None
    return batch.source, batch.target


def rows(batches: Iterator[Batch], tokenizer: Tokenizer) -> Counter[tuple[str, str, str]]:
    """(direction, source, target) of every example."""
    found: Counter[tuple[str, str, str]] = Counter()
    for batch in batches:
        for source, target in zip(*(side.tolist() for side in sides(batch)), strict=True):
            direction = tokenizer.piece(source[0])
            found[direction, tokenizer.decode(source), tokenizer.decode(target)] += 1
    return found


@pytest.mark.parametrize("alpha", [None, 0.2])
def test_every_pair_is_there_once_in_each_direction(
    data: Pairs, pairs: list[Pair], tokenizer: Tokenizer, alpha: float | None
) -> None:
    expected = [("<2zh>", en, zh) for en, zh in pairs] + [("<2en>", zh, en) for en, zh in pairs]
    assert rows(data.mixed(LIMIT, 0, Mix(alpha=alpha)), tokenizer) == Counter(expected)


def test_a_pair_with_an_everyday_word_stands_there_several_times(
    data: Pairs, pairs: list[Pair], tokenizer: Tokenizer
) -> None:
    mix = Mix(copies={"green tea": 3, "bread": 2, "tea": 1, "app": 9})
    found = rows(data.mixed(LIMIT, 0, mix), tokenizer)
    for en, zh in pairs:
        times = 3 if "green tea" in en else 2 if "bread" in en else 1  # no "app" in "apples"
        assert found["<2zh>", en, zh] == found["<2en>", zh, en] == times


@pytest.mark.parametrize("limit", [40, 150, LIMIT])
def test_no_batch_of_several_is_larger_than_the_limit(data: Pairs, limit: int) -> None:
    batches = list(data.mixed(limit, 0))
    assert len(batches) > 1
    for batch in batches:
        source, target = sides(batch)
        padded = len(source) * (source.shape[1] + target.shape[1] + 1)
        assert padded <= limit or len(source) == 1


def test_labels_are_the_target_one_step_ahead_and_padding_is_marked(
    data: Pairs, tokenizer: Tokenizer
) -> None:
    for batch in data.mixed(LIMIT, 0):
        source, target = sides(batch)
        assert (target[:, 0] == tokenizer.start).all()
        labels, after = batch.labels[:, :-1], target[:, 1:]
        assert (labels == after)[after != tokenizer.pad].all()
        assert set(labels[after == tokenizer.pad].tolist()) <= {tokenizer.end, IGNORE}
        assert batch.real is not None
        assert torch.equal(batch.real, source != tokenizer.pad)
        for row in batch.labels.tolist():
            assert row[: row.index(tokenizer.end) + 1].count(IGNORE) == 0
            assert set(row[row.index(tokenizer.end) + 1 :]) <= {IGNORE}


def as_lists(batches: Iterator[Batch]) -> list[list[list[int]]]:
    return [[row for side in sides(batch) for row in side.tolist()] for batch in batches]


def test_the_same_seed_gives_the_same_batches_and_pieces(data: Pairs) -> None:
    first = as_lists(data.mixed(LIMIT, 3, SAMPLED))
    assert as_lists(data.mixed(LIMIT, 3, SAMPLED)) == first
    assert as_lists(data.mixed(LIMIT, 4, SAMPLED)) != first


def test_without_sampling_a_text_is_always_cut_alike(data: Pairs) -> None:
    def cuts(seed: int) -> list[list[int]]:
        return sorted(row for b in data.mixed(20, seed) for row in sides(b)[0].tolist())

    assert cuts(1) == cuts(2)


def test_a_pair_that_does_not_fit_is_left_out(pairs: list[Pair], tokenizer: Tokenizer) -> None:
    long = ("I like tea", "绿茶" * 40)
    data = Pairs([*pairs, long], ("en", "zh"), tokenizer, n_ctx=60)
    assert sum(rows(data.mixed(LIMIT, 0), tokenizer).values()) == 2 * len(pairs)
