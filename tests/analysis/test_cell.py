"""Every number of a cell is the trace's, and each stage follows from the one before."""

import math

import pytest
import torch

from attnviz.analysis.cell import cell


@pytest.mark.parametrize("head", range(6))
def test_a_head_reads_the_keys_of_its_group(trace, head):
    found = cell(trace, "decoder.cross", 1, head, 4, 9)
    group = [0, 0, 1, 1, 2, 2][head]
    assert torch.equal(found.q_K, trace["decoder.1.cross.q"].value[head, 4])
    assert torch.equal(found.k_K, trace["decoder.1.cross.k"].value[group, 9])
    assert torch.equal(found.v_E, trace["decoder.1.cross.v"].value[group, 9])


def test_each_stage_gives_the_next(trace):
    for row in range(7):
        for column in range(row + 1):
            found = cell(trace, "decoder.self", 1, 3, row, column)
            raw = sum(a * b for a, b in zip(found.q_K.tolist(), found.k_K.tolist(), strict=True))
            assert found.raw == pytest.approx(raw, abs=1e-5)
            assert found.difference == pytest.approx(0, abs=1e-5)
            assert found.scaled == pytest.approx(found.raw / math.sqrt(found.d_head))
            assert found.score == found.scaled == found.masked
            assert found.exp == pytest.approx(math.exp(found.masked - found.row_max))
            assert found.weight == pytest.approx(found.exp / found.row_sum)


def test_a_masked_cell_has_no_weight_but_keeps_its_score(trace):
    found = cell(trace, "decoder.self", 0, 2, 1, 5)
    assert not found.allowed
    assert found.masked == -math.inf
    assert found.exp == found.weight == 0
    assert math.isfinite(found.score)


def test_a_cell_outside_is_refused(trace):
    with pytest.raises(IndexError):
        cell(trace, "decoder.cross", 0, 0, 7, 0)


def test_a_missing_step_is_named(make_trace):
    with pytest.raises(KeyError, match=r"decoder\.0\.cross\.raw"):
        cell(make_trace("encoder-only"), "decoder.cross", 0, 0, 0, 0)
