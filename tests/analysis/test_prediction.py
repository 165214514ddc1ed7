"""A row's prediction is what it writes: the next target token."""

import pytest

from attnviz.analysis.prediction import predictions

END = 41


def test_a_row_writes_the_next_target_token_and_the_last_one_the_end(trace):
    found = predictions(trace, end=END)
    assert [said.chosen for said in found] == [31, 32, 33, 34, 35, 36, END]


def test_probability_and_rank_are_those_of_the_written_token(trace):
    for row, said in enumerate(predictions(trace, k=3, end=END)):
        probs = trace["probs"].value[row].tolist()
        assert said.prob == probs[said.chosen]
        assert said.rank == 1 + sum(p > probs[said.chosen] for p in probs)
        best = sorted(range(50), key=lambda i: -probs[i])[:3]
        assert said.ids == tuple(best)
        assert said.probs == tuple(probs[i] for i in best)


def test_a_text_that_was_cut_off_goes_on_with_the_most_probable_token(trace):
    last = predictions(trace)[-1]
    assert last.chosen == last.ids[0]
    assert last.rank == 1


def test_more_than_the_vocabulary_is_not_asked_for(trace):
    assert len(predictions(trace, k=99)[0].ids) == 50


def test_a_model_without_a_target_predicts_nothing(make_trace):
    assert predictions(make_trace("encoder-only")) == []


def test_probabilities_are_at_most_one(trace):
    assert all(sum(said.probs) <= 1 + 1e-6 for said in predictions(trace, k=50))
    assert sum(predictions(trace, k=50)[2].probs) == pytest.approx(1, abs=1e-5)
