"""Rows become rectangles, and examples of similar lengths stand together."""

import random

import torch
from hypothesis import given
from hypothesis import strategies as st

from attnviz.training.batch import IGNORE, Batch, grouped, pad

lengths = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 25)), min_size=1, max_size=60)


def test_rows_are_filled_up_to_the_longest() -> None:
    assert pad([[1, 2, 3], [4]], 9).tolist() == [[1, 2, 3], [4, 9, 9]]


@given(lengths, st.integers(1, 300), st.integers(0, 9))
def test_every_example_is_in_one_group_and_no_group_of_several_is_too_large(
    examples: list[tuple[int, int]], limit: int, seed: int
) -> None:
    groups = grouped(examples, lambda e: e, limit, random.Random(seed))
    assert sorted(e for group in groups for e in group) == sorted(examples)
    for group in groups:
        padded = len(group) * (max(a for a, _ in group) + max(b for _, b in group))
        assert padded <= limit or len(group) == 1


def test_examples_of_similar_lengths_stand_together() -> None:
    make = random.Random(5)
    examples = [(make.randint(1, 50),) for _ in range(400)]
    groups = grouped(examples, lambda e: e, 200, make)
    spread = [max(group)[0] - min(group)[0] for group in groups]
    assert max(spread) <= 6
    first = [group[0][0] for group in groups]
    assert first != sorted(first)


def test_what_is_read_and_what_is_told_are_counted_without_padding() -> None:
    labels = torch.tensor([[5, 6, 7, IGNORE], [8, IGNORE, IGNORE, IGNORE]])
    real = torch.tensor([[True, True], [True, False]])
    assert Batch(labels=labels, real=real).n_tokens == 3 + 4
    assert Batch(labels=labels).n_tokens == 4
