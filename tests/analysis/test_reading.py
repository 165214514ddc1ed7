"""A finding is given when it is true of the numbers, and not when it just is not."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnviz.analysis.reading import MOST, reading

T, S = 8, 9


def read(pattern_TS, allowed_TS=None, special=(), is_self=False):
    columns = [f"c{i}" for i in range(pattern_TS.shape[1])]
    special_S = [i in special for i in range(len(columns))]
    if allowed_TS is None:
        allowed_TS = torch.ones_like(pattern_TS, dtype=torch.bool)
    found = reading(pattern_TS, allowed_TS, columns, special_S, is_self)
    return {finding.code: dict(finding.values) for finding in found}


def peaked(columns, weight, n_columns=S):
    """One row each with `weight` at that column and the rest shared by the others."""
    pattern_TS = torch.full((len(columns), n_columns), (1 - weight) / (n_columns - 1))
    for row, column in enumerate(columns):
        pattern_TS[row, column] = weight
    return pattern_TS


SCATTERED = (4, 1, 7, 2, 8, 0, 5, 3)


def test_nothing_is_said_of_a_head_without_a_habit():
    assert read(peaked(SCATTERED, 0.7)) == {}


@pytest.mark.parametrize(("weight", "said"), [(0.51, True), (0.49, False)])
def test_a_sink_gets_half_of_all_weight(weight, said):
    found = read(peaked([6] * T, weight))
    assert ("sink" in found) is said
    if said:
        assert found["sink"] == {"column": 6, "token": "c6", "share": pytest.approx(weight)}


@pytest.mark.parametrize(("weight", "said"), [(0.31, True), (0.29, False)])
def test_special_tokens_together(weight, said):
    pattern_TS = peaked(SCATTERED, 0.9) * (1 - 2 * weight)
    both = torch.zeros(T, S + 2)
    both[:, 1:-1] = pattern_TS
    both[:, 0] = both[:, -1] = weight
    found = read(both, special=(0, S + 1))
    assert ("special" in found) is said
    if said:
        assert found["special"]["share"] == pytest.approx(2 * weight)


def test_a_special_sink_is_said_once():
    found = read(peaked([0] * T, 0.8), special=(0, 8))
    assert "sink" in found
    assert "special" not in found


@pytest.mark.parametrize("offset", [-3, -2, -1, 1, 2, 3])
def test_an_offset_counts_the_rows_that_can_look_there(offset):
    columns = [(row + offset) % T for row in range(T)]
    found = read(peaked(columns, 0.7, T), is_self=True)
    assert found["offset"] == {"offset": offset, "share": 1.0}


@pytest.mark.parametrize(("hits", "said"), [(5, True), (4, False)])
def test_an_offset_is_kept_to_by_most_rows(hits, said):
    """Seven rows have a token before them: five are 71 %, four 57 %."""
    columns = [5, *range(hits), 1, 0, 1, 4][:T]
    found = read(peaked(columns, 0.7, T), is_self=True)
    assert ("offset" in found) is said


def test_an_offset_needs_one_sequence():
    assert "offset" not in read(peaked([(row - 1) % T for row in range(T)], 0.7, T))


@pytest.mark.parametrize(("hits", "said"), [(5, True), (4, False)])
def test_a_diagonal_looks_at_itself(hits, said):
    columns = [*range(hits), 0, 1, 3, 2][:T]
    found = read(peaked(columns, 0.7, T), is_self=True)
    assert ("diagonal" in found) is said
    assert "offset" not in found


def test_causal_rows_are_compared_with_what_they_may_see():
    allowed_TS = torch.ones(T, T, dtype=torch.bool).tril()
    pattern_TS = allowed_TS / allowed_TS.sum(-1, keepdim=True)
    assert read(pattern_TS, allowed_TS, is_self=True) == {"uniform": {"value": pytest.approx(1)}}


@pytest.mark.parametrize(("weight", "said"), [(0.27, True), (0.29, False)])
def test_a_uniform_head_spreads_its_weight(weight, said):
    found = read(peaked(SCATTERED, weight))
    assert ("uniform" in found) is said


def test_of_a_uniform_head_nothing_else_is_said():
    assert set(read(peaked(range(T), 0.2, T), is_self=True)) == {"uniform"}


@pytest.mark.parametrize(("weight", "said"), [(0.91, True), (0.89, False)])
def test_a_sharp_head_gives_one_token_nearly_all(weight, said):
    assert ("sharp" in read(peaked(SCATTERED, weight))) is said


def test_a_walk_goes_on_along_the_source():
    assert read(peaked([0, 1, 1, 2, 4, 4, 5, 8], 0.7)) == {"monotone": {"share": 1.0}}


@pytest.mark.parametrize(
    "columns",
    [
        [0, 1, 1, 2, 4, 3, 5, 8],  # one step of seven goes back
        [2, 2, 2, 3, 3, 3, 3, 3],  # two places are no walk
        [8, 7, 6, 5, 4, 3, 2, 1],
    ],
)
def test_what_goes_back_or_stands_still_is_no_walk(columns):
    assert "monotone" not in read(peaked(columns, 0.7))


def test_a_walk_is_not_looked_for_in_self_attention():
    assert "monotone" not in read(peaked([0, 1, 1, 2, 4, 4, 5, 8], 0.7), is_self=True)


def test_a_few_rows_are_no_walk():
    assert "monotone" not in read(peaked([0, 3, 5, 8], 0.7))


def test_rows_without_a_choice_count_for_nothing():
    """Row 0 gives all its weight to column 0 because it must; the others give 0.45."""
    pattern_TS = peaked([0] * 4, 0.45)
    allowed_TS = torch.ones_like(pattern_TS, dtype=torch.bool)
    pattern_TS[0], allowed_TS[0, 1:] = torch.eye(S)[0], False
    assert float(pattern_TS[:, 0].mean()) > 0.5
    assert "sink" not in read(pattern_TS, allowed_TS)


def test_two_rows_with_a_choice_say_nothing():
    allowed_TS = torch.ones(3, 3, dtype=torch.bool).tril()
    assert read(torch.eye(3), allowed_TS, is_self=True) == {}


@given(
    scores=st.lists(st.lists(st.floats(-30, 30), min_size=5, max_size=5), min_size=1, max_size=7),
    is_self=st.booleans(),
)
def test_findings_are_few_and_their_shares_are_shares(scores, is_self):
    pattern_TS = torch.tensor(scores).softmax(-1)
    found = read(pattern_TS, special=(0, 4), is_self=is_self)
    assert len(found) <= MOST
    for values in found.values():
        share = values["share"] if "share" in values else values["value"]
        assert 0 <= share <= 1 + 1e-5
