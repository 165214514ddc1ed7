"""Special tokens and words change what is shown, never the model's numbers behind it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnviz.analysis.block import blocks, stack
from attnviz.analysis.display import shown

ALL = ("encoder.self", "decoder.self", "decoder.cross")


@pytest.mark.parametrize("block", ALL)
def test_without_choices_the_weights_are_the_model_s_own_bit_for_bit(trace, block):
    display = shown(trace, block)
    assert torch.equal(display.weights, stack(trace, block))
    assert not display.removed.any()
    assert display.rows.groups == tuple((i,) for i in range(display.weights.shape[2]))


def test_hiding_takes_the_special_columns_and_counts_what_they_had(trace):
    display = shown(trace, "decoder.cross", "hide")
    whole = stack(trace, "decoder.cross")
    assert display.columns.groups == tuple((i,) for i in range(1, 11))
    assert len(display.rows) == 7
    for layer, head, row in ((0, 0, 0), (1, 5, 6), (1, 2, 3)):
        weights = whole[layer, head, row].tolist()
        assert display.weights[layer, head, row].tolist() == weights[1:11]
        lost = weights[0] + weights[11]
        assert float(display.removed[layer, head, row]) == pytest.approx(lost)


def test_folding_puts_the_special_weight_in_one_last_column(trace):
    display = shown(trace, "decoder.cross", "fold", folded_label="特殊")
    assert display.columns.labels[-1] == "特殊"
    assert display.columns.groups[-1] == (0, 11)
    assert torch.equal(display.weights[..., -1], display.removed)
    torch.testing.assert_close(display.weights.sum(-1), torch.ones(2, 6, 7))


def test_renormalised_rows_sum_to_one_and_keep_their_proportions(trace):
    display = shown(trace, "decoder.cross", "renormalise")
    hidden = shown(trace, "decoder.cross", "hide")
    torch.testing.assert_close(display.weights.sum(-1), torch.ones(2, 6, 7))
    rate = hidden.weights[1, 4, 2, 3] / hidden.weights[1, 4, 2, 8]
    assert display.weights[1, 4, 2, 3] / display.weights[1, 4, 2, 8] == pytest.approx(float(rate))


def test_a_row_with_nothing_left_stays_zero(trace):
    """The first row of the decoder sees <s> alone."""
    display = shown(trace, "decoder.self", "renormalise")
    assert not display.weights[:, :, 0].any()
    assert torch.equal(display.removed[:, :, 0], torch.ones(2, 6))
    assert not display.weights.isnan().any()


def test_words_sum_their_keys_and_average_their_queries(trace):
    display = shown(trace, "encoder.self", words=True)
    assert display.columns.labels == (
        *("<2zh>", "unbelievable", ",", "café", "is", "2", "!", "</s>"),
    )
    rows, columns = (1, 2, 3), (5, 6, 7)
    weights = stack(trace, "encoder.self")[1, 2]
    total = 0.0
    for t in rows:
        for s in columns:
            total += float(weights[t, s])
    assert float(display.weights[1, 2, 1, 3]) == pytest.approx(total / 3, rel=1e-5)


def test_a_decoder_s_word_row_says_the_word_and_the_next_one(trace):
    display = shown(trace, "decoder.cross", words=True)
    assert display.rows.labels == (
        *("<s>→难以", "难以→置信", "置信→，", "，→iOS", "iOS→。", "。→</s>"),
    )


def test_an_unknown_choice_is_refused(trace):
    with pytest.raises(ValueError, match="special must be one of"):
        shown(trace, "encoder.self", "remove")  # type: ignore[arg-type]


def test_without_special_tokens_nothing_is_folded(make_trace):
    trace = make_trace("decoder-only")
    plain = type(trace)(trace.steps, target=_plain(trace.target))
    display = shown(plain, "decoder.self", "fold")
    assert torch.equal(display.weights, stack(trace, "decoder.self"))
    assert len(display.columns) == 7


def _plain(tokens):
    return type(tokens)(tokens.text, tokens.pieces, tokens.ids, tokens.spans, (False,) * 7)


@settings(deadline=None)
@given(
    block=st.sampled_from(ALL),
    special=st.sampled_from(["show", "hide", "fold"]),
    words=st.booleans(),
)
def test_no_weight_is_lost_unsaid(trace, block, special, words):
    display = shown(trace, block, special, words)
    total_LHT = display.weights.sum(-1) + (display.removed if special == "hide" else 0)
    torch.testing.assert_close(total_LHT, torch.ones_like(total_LHT))


@pytest.mark.parametrize("special", ["show", "hide", "renormalise", "fold"])
@pytest.mark.parametrize("words", [True, False])
def test_labels_groups_and_weights_agree_in_number(trace, special, words):
    for block in blocks(trace):
        display = shown(trace, block, special, words)
        assert display.weights.shape[2:] == (len(display.rows), len(display.columns))
        assert len(display.rows.groups) == len(display.rows)
        assert len(display.columns.groups) == len(display.columns)
