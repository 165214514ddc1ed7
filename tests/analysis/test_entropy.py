"""Entropy against NumPy loops and its bounds."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnviz.analysis.entropy import entropy_HT, relative_entropy_HT


def test_entropy_is_the_sum_over_the_keys(trace):
    pattern_HTS = trace["decoder.0.self.pattern"].value
    found_HT = entropy_HT(pattern_HTS)
    for head in range(6):
        for row in range(7):
            weights = [w for w in pattern_HTS[head, row].tolist() if w > 0]
            expected = -sum(w * math.log(w) for w in weights)
            assert float(found_HT[head, row]) == pytest.approx(expected, abs=1e-6)


def test_a_weight_of_zero_adds_nothing():
    pattern_HTS = torch.tensor([[[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]])
    assert entropy_HT(pattern_HTS).tolist() == [[0.0, pytest.approx(math.log(2))]]


def test_relative_entropy_counts_the_allowed_keys_only():
    pattern_HTS = torch.tensor([[[1.0, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]]])
    allowed_TS = torch.ones(3, 3, dtype=torch.bool).tril()
    first, second, third = relative_entropy_HT(pattern_HTS, allowed_TS)[0].tolist()
    assert math.isnan(first)
    assert (second, third) == (pytest.approx(1), pytest.approx(1))


@given(st.lists(st.floats(0, 50), min_size=2, max_size=9))
def test_relative_entropy_lies_between_nothing_and_one(scores):
    pattern_HTS = torch.tensor(scores, dtype=torch.float64).softmax(-1)[None, None]
    allowed_TS = torch.ones(1, len(scores), dtype=torch.bool)
    assert -1e-12 <= float(relative_entropy_HT(pattern_HTS, allowed_TS)) <= 1 + 1e-12
