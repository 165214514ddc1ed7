"""Blocks are found by their steps, and stacked as the model computed them."""

import pytest
import torch

from attnviz.analysis.block import allowed, blocks, n_layers, path, side, stack


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("encoder-decoder", ("encoder.self", "decoder.self", "decoder.cross")),
        ("encoder-only", ("encoder.self",)),
        ("decoder-only", ("decoder.self",)),
    ],
)
def test_a_trace_has_the_blocks_of_its_kind(make_trace, kind, expected):
    assert blocks(make_trace(kind)) == expected


def test_a_path_names_layer_and_step():
    assert path("decoder.cross", 2, "pattern") == "decoder.2.cross.pattern"
    assert path("encoder.self", 0, "q") == "encoder.0.self.q"


def test_a_stack_holds_every_layer_unchanged(trace):
    pattern_LHTS = stack(trace, "decoder.cross")
    assert pattern_LHTS.shape == (2, 6, 7, 12)
    for layer in range(n_layers(trace, "decoder.cross")):
        assert torch.equal(pattern_LHTS[layer], trace[f"decoder.{layer}.cross.pattern"].value)


def test_a_stack_of_another_step(trace):
    assert torch.equal(stack(trace, "encoder.self", "raw")[1], trace["encoder.1.self.raw"].value)


def test_a_stack_of_a_missing_block_says_what_there_is(make_trace):
    with pytest.raises(ValueError, match=r"decoder\.cross.*encoder\.self"):
        stack(make_trace("encoder-only"), "decoder.cross")


def test_queries_and_keys_are_the_block_s_own(trace):
    assert side(trace, "encoder.self") == (trace.source, trace.source)
    assert side(trace, "decoder.self") == (trace.target, trace.target)
    assert side(trace, "decoder.cross") == (trace.target, trace.source)


def test_sides_that_are_not_there_are_refused(make_trace):
    with pytest.raises(ValueError, match=r"decoder\.self"):
        side(make_trace("encoder-only"), "decoder.self")


def test_only_decoder_self_attention_may_not_look_ahead(trace):
    for head in allowed(trace, "decoder.self", 1):
        assert [int(row.sum()) for row in head] == [1, 2, 3, 4, 5, 6, 7]
    assert bool(allowed(trace, "decoder.cross", 1).all())
