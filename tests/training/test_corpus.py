"""Batches hold every pair once in each direction, within the limit, the same for the same seed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from attnviz.tokenizer import Tokenizer
from attnviz.training import corpus
from attnviz.training.corpus import Batch, Corpus, Mix, Pair

LIMIT = 300
SAMPLED = Mix(alpha=0.2)


@pytest.fixture
def data(pairs: list[Pair], tokenizer: Tokenizer) -> Corpus:
    return Corpus(pairs, ("en", "zh"), tokenizer, n_ctx=60)


def rows(batches: Iterator[Batch], tokenizer: Tokenizer) -> Counter[tuple[str, str, str]]:
    """(direction, source, target) of every example."""
    found: Counter[tuple[str, str, str]] = Counter()
    for batch in batches:
        for source, target in zip(batch.source.tolist(), batch.target.tolist(), strict=True):
            direction = tokenizer.piece(source[0])
            found[direction, tokenizer.decode(source), tokenizer.decode(target)] += 1
    return found


@pytest.mark.parametrize("alpha", [None, 0.2])
def test_every_pair_is_there_once_in_each_direction(
    data: Corpus, pairs: list[Pair], tokenizer: Tokenizer, alpha: float | None
) -> None:
    expected = [("<2zh>", en, zh) for en, zh in pairs] + [("<2en>", zh, en) for en, zh in pairs]
    assert rows(data.batches(LIMIT, 0, Mix(alpha=alpha)), tokenizer) == Counter(expected)


def test_a_pair_with_an_everyday_word_stands_there_several_times(
    data: Corpus, pairs: list[Pair], tokenizer: Tokenizer
) -> None:
    mix = Mix(copies={"green tea": 3, "bread": 2, "tea": 1, "app": 9})
    found = rows(data.batches(LIMIT, 0, mix), tokenizer)
    for en, zh in pairs:
        times = 3 if "green tea" in en else 2 if "bread" in en else 1  # no "app" in "apples"
        assert found["<2zh>", en, zh] == found["<2en>", zh, en] == times


@pytest.mark.parametrize("limit", [40, 150, LIMIT])
def test_no_batch_of_several_is_larger_than_the_limit(data: Corpus, limit: int) -> None:
    batches = list(data.batches(limit, 0))
    assert len(batches) > 1
    for batch in batches:
        padded = len(batch.source) * (batch.source.shape[1] + batch.target.shape[1] + 1)
        assert padded <= limit or len(batch.source) == 1


def test_labels_are_the_target_one_step_ahead_and_padding_is_marked(
    data: Corpus, tokenizer: Tokenizer
) -> None:
    for batch in data.batches(LIMIT, 0):
        assert (batch.target[:, 0] == tokenizer.start).all()
        assert torch.equal(batch.labels[:, :-1], batch.target[:, 1:])
        assert torch.equal(batch.real, batch.source != tokenizer.pad)
        for row in batch.labels.tolist():
            assert row[: row.index(tokenizer.end) + 1].count(tokenizer.pad) == 0
            assert set(row[row.index(tokenizer.end) + 1 :]) <= {tokenizer.pad}


def as_lists(batches: Iterator[Batch]) -> list[list[list[int]]]:
    return [[*batch.source.tolist(), *batch.target.tolist()] for batch in batches]


def test_the_same_seed_gives_the_same_batches_and_pieces(data: Corpus) -> None:
    first = as_lists(data.batches(LIMIT, 3, SAMPLED))
    assert as_lists(data.batches(LIMIT, 3, SAMPLED)) == first
    assert as_lists(data.batches(LIMIT, 4, SAMPLED)) != first


def test_without_sampling_a_text_is_always_cut_alike(data: Corpus) -> None:
    def cuts(seed: int) -> list[list[int]]:
        return sorted(row for b in data.batches(20, seed) for row in b.source.tolist())

    assert cuts(1) == cuts(2)


def test_a_pair_that_does_not_fit_is_left_out(pairs: list[Pair], tokenizer: Tokenizer) -> None:
    long = ("I like tea", "绿茶" * 40)
    data = Corpus([*pairs, long], ("en", "zh"), tokenizer, n_ctx=60)
    assert sum(rows(data.batches(LIMIT, 0), tokenizer).values()) == 2 * len(pairs)


def test_pairs_are_read_with_their_credit_left_out(tmp_path: Path) -> None:
    file = tmp_path / "cmn.txt"
    file.write_text("Hi  there.\t你好。\tCC-BY #1\nA\u2028b\t甲\x85乙\nGo\t走\tx\ty", "utf-8")
    assert corpus.read_pairs(file) == [("Hi there.", "你好。"), ("A b", "甲 乙"), ("Go", "走")]


def test_a_line_without_a_tab_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cmn.txt"
    file.write_text("Hi.\t你好。\nGo.\t走。\nStop. 停。\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"cmn\.txt, line 3: expected two texts with a tab"):
        corpus.read_pairs(file)


def test_rows_are_filled_up_to_the_longest() -> None:
    assert corpus.pad([[1, 2, 3], [4]], 9).tolist() == [[1, 2, 3], [4, 9, 9]]
