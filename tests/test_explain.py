"""Weights from any library become the same trace and grid, number by number, or are refused."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import attnviz
from attnviz.analysis.block import allowed, blocks, side, stack
from attnviz.analysis.label import labels, row_labels
from attnviz.error import InputError

EAGER: dict[str, Any] = {"attn_implementation": "eager"}


def weights(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator).softmax(-1)


def refused(code: str, *given: Any, **choice: Any) -> str:
    with pytest.raises(InputError) as caught:
        attnviz.explain(*given, **choice)
    assert caught.value.code == f"weights-{code}"
    assert "\n" not in str(caught.value)
    return str(caught.value)


shapes = st.lists(st.integers(1, 6), min_size=2, max_size=4)


@given(shapes, st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
def test_any_array_is_shown_number_by_number(shape: list[int], dtype: torch.dtype) -> None:
    found = weights(*shape).to(dtype)
    trace = attnviz.explain(found)
    (block,) = blocks(trace)
    *_, n_rows, n_columns = shape
    assert torch.equal(stack(trace, block).flatten().double(), found.flatten().double())
    queries, keys = side(trace, block)
    assert (len(queries), len(keys)) == (n_rows, n_columns)
    assert labels(keys) == tuple(map(str, range(n_columns)))
    assert trace.facts["uneven"] == trace.facts["outside"] == 0
    assert "attnviz-output" in (trace._repr_html_() or "")


def test_numpy_lists_and_torch_give_the_same_trace() -> None:
    found = weights(2, 3, 5, 7)
    expected = attnviz.explain(found)
    for same in (found.numpy(), found.tolist(), list(found), tuple(found[:, None])):
        trace = attnviz.explain(same)
        assert list(trace) == list(expected)
        for path, kept in trace.items():
            assert torch.equal(kept.value.float(), expected[path].value)


def test_a_change_of_the_array_afterwards_changes_nothing() -> None:
    array = weights(3, 4, 5).numpy().copy()
    trace = attnviz.explain(array)
    array[:] = 0
    assert torch.equal(trace["decoder.0.cross.pattern"].value, weights(3, 4, 5))


def test_an_array_that_numpy_cannot_write_or_reads_backwards_is_taken() -> None:
    array = weights(3, 4, 5).numpy()
    frozen = array.copy()
    frozen.flags.writeable = False
    foreign = array.astype(array.dtype.newbyteorder())
    turned = array[::-1, :, ::-1]
    for one in (frozen, foreign):
        assert np.array_equal(attnviz.explain(one)["decoder.0.cross.pattern"].value, array)
    assert np.array_equal(attnviz.explain(turned)["decoder.0.cross.pattern"].value, turned)


def test_the_form_says_which_attention_it_is() -> None:
    square = weights(2, 3, 5, 5)
    causal = square.tril()
    assert blocks(attnviz.explain(square)) == ("encoder.self",)
    assert blocks(attnviz.explain(causal)) == ("decoder.self",)
    assert blocks(attnviz.explain(weights(2, 3, 5, 7))) == ("decoder.cross",)
    assert blocks(attnviz.explain(square, "a b c d e", "v w x y z")) == ("decoder.cross",)
    for block in ("encoder.self", "decoder.self", "decoder.cross"):
        assert blocks(attnviz.explain(causal, block=block)) == (block,)


def test_a_decoder_that_sees_nothing_to_come_is_read_with_that_mask() -> None:
    trace = attnviz.explain(weights(2, 3, 5, 5).tril())
    expected = torch.tensor([[s <= t for s in range(5)] for t in range(5)])
    assert torch.equal(allowed(trace, "decoder.self", 1), expected.expand(3, 5, 5))
    seeing = attnviz.explain(weights(2, 3, 5, 5), block="decoder.self")
    assert allowed(seeing, "decoder.self", 1).all()


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_what_multihead_attention_returns_is_enough(
    averaged: bool, batched: bool, batch_first: bool
) -> None:
    torch.manual_seed(0)
    n, t, s, width = 2, 5, 7, 12
    module = nn.MultiheadAttention(width, 3, batch_first=batch_first)
    x, y = torch.randn(n, t, width), torch.randn(n, s, width)
    if not batched:
        x, y = x[1], y[1]
    elif not batch_first:
        x, y = x.transpose(0, 1), y.transpose(0, 1)
    output = module(x, y, y, average_attn_weights=averaged)
    trace = attnviz.explain(output, "a b c d e f g", index=1 if batched else None)
    expected = output[1][1] if batched else output[1]
    found = trace["decoder.0.cross.pattern"].value
    assert torch.equal(found, expected.reshape(-1, t, s).detach())
    assert trace.source is not None
    assert trace.source.text == "a b c d e f g"
    if batched:
        assert "index=0 to index=1" in refused("batch", output)


def test_two_layers_are_not_taken_for_an_output_and_its_weights() -> None:
    first, second = weights(3, 4, 6), weights(3, 4, 6, seed=1)
    assert torch.equal(
        stack(attnviz.explain((first, second)), "decoder.cross"), torch.stack((first, second))
    )
    trace = attnviz.explain((first[None], second[None]))
    assert torch.equal(trace["decoder.1.cross.pattern"].value, second)


def test_the_weights_of_a_bert_are_shown_as_it_returns_them() -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=31,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=20,
        **EAGER,
    )
    output = BertModel(config).eval()(torch.arange(7)[None], output_attentions=True)
    pieces = ["[CLS]", "un", "##believ", "##able", "cats", "!", "[SEP]"]
    trace = attnviz.explain(output, pieces)
    assert blocks(trace) == ("encoder.self",)
    for layer, pattern in enumerate(output.attentions):
        assert torch.equal(trace[f"encoder.{layer}.self.pattern"].value, pattern[0])
    assert trace.source is not None
    assert labels(trace.source) == ("[CLS]", "un", "·believ", "·able", "cats", "!", "[SEP]")
    assert trace.source.text == "unbelievable cats!"
    assert trace.source.special == (True, *[False] * 5, True)


def test_the_weights_of_a_gpt2_are_those_of_a_decoder() -> None:
    from transformers import GPT2Config, GPT2Model

    config = GPT2Config(vocab_size=31, n_embd=12, n_layer=2, n_head=3, n_positions=9, **EAGER)
    output = GPT2Model(config).eval()(torch.arange(4)[None], output_attentions=True)
    trace = attnviz.explain(output, ["The", "Ġtoken", "izer", "<|endoftext|>"])
    assert blocks(trace) == ("decoder.self",)
    assert torch.equal(trace["decoder.1.self.pattern"].value, output.attentions[1][0])
    assert row_labels(trace, "decoder.self") == ("The", "token", "·izer", "<|endoftext|>")


def test_the_three_attentions_of_a_t5_are_all_there() -> None:
    from transformers import T5Config, T5Model

    config = T5Config(
        vocab_size=31,
        d_model=12,
        d_kv=4,
        d_ff=20,
        num_layers=2,
        num_heads=3,
        **EAGER,
    )
    ids = {"input_ids": torch.arange(7)[None], "decoder_input_ids": torch.arange(4)[None]}
    output = T5Model(config).eval()(**ids, output_attentions=True)
    trace = attnviz.explain(output, list("abcdefg"), list("wxyz"))
    assert blocks(trace) == ("encoder.self", "decoder.self", "decoder.cross")
    for name, path in (
        ("encoder_attentions", "encoder.1.self"),
        ("decoder_attentions", "decoder.1.self"),
        ("cross_attentions", "decoder.1.cross"),
    ):
        assert torch.equal(trace[f"{path}.pattern"].value, output[name][1][0]), name
    assert "output_attentions" in refused("none", T5Model(config).eval()(**ids))


def test_arrays_by_name_are_layers_in_the_order_of_their_numbers() -> None:
    many = {f"encoder.{layer}.self": weights(3, 5, 5, seed=layer) for layer in (2, 0, 10, 1)}
    assert "layer 3" in refused("gap", many)
    del many["encoder.10.self"]
    trace = attnviz.explain({**many, "cross_attentions": weights(2, 4, 7, 5)})
    for layer in range(3):
        assert torch.equal(
            trace[f"encoder.{layer}.self.pattern"].value, weights(3, 5, 5, seed=layer)
        )
    assert trace.target is not None
    assert len(trace.target) == 7
    assert "'hidden'" in refused("name", {"hidden": weights(3, 5, 5)})
    refused("twice", {"encoder.self": weights(1, 3, 5, 5), "encoder.0.self": weights(3, 5, 5)})
    refused("twice", {"encoder.0.self": weights(3, 5, 5), "encoder.self": weights(1, 3, 5, 5)})


@pytest.mark.parametrize(
    ("given", "expected", "text"),
    [
        (["▁The", "▁wea", "ther", "</s>"], ["The", "wea", "·ther", "</s>"], "The weather"),
        (["今天", "天气", "很", "好"], ["今天", "天气", "很", "好"], "今天天气很好"),
        (["The", "cat", "sat", "."], ["The", "cat", "sat", "."], "The cat sat."),
        (["The", " cat", "s", "<eos>"], ["The", "cat", "·s", "<eos>"], "The cats"),
        ([b"a", 7, "", "[MASK]"], ["a", "7", "", "[MASK]"], "a 7"),
        ("one two three four", ["one", "two", "three", "four"], "one two three four"),
    ],
)
def test_tokens_read_as_their_reader_would_write_them(
    given: Any, expected: list[str], text: str
) -> None:
    trace = attnviz.explain(weights(3, 4, 4), given)
    assert trace.source is not None
    assert list(labels(trace.source)) == expected
    assert trace.source.text == text
    for piece, span in zip(trace.source.pieces, trace.source.spans, strict=True):
        assert span is None or text[slice(*span)].strip() == piece.strip()


def test_tokens_of_another_trace_can_be_given_again() -> None:
    first = attnviz.explain(weights(3, 4, 6), "a b c d e f", "w x y z")
    again = attnviz.explain(weights(2, 4, 6), first.source, first.target)
    assert (again.source, again.target) == (first.source, first.target)


def test_the_slots_of_a_pool_stand_between_a_source_and_a_decoder() -> None:
    found = {"pool.cross": weights(1, 3, 4, 7), "decoder.cross": weights(2, 3, 5, 4)}
    trace = attnviz.explain(found, "a b c d e f g", "v w x y z", slots=["s0", "s1", "s2", "s3"])
    assert blocks(trace) == ("pool.cross", "decoder.cross")
    assert [labels(tokens)[-1] for tokens in side(trace, "pool.cross")] == ["s3", "g"]
    assert [labels(tokens)[-1] for tokens in side(trace, "decoder.cross")] == ["z", "s3"]
    assert "6 slots" in refused("sizes", {**found, "decoder.cross": weights(2, 3, 5, 6)})


def test_what_is_no_distribution_is_shown_and_counted() -> None:
    found = weights(2, 3, 4, 6)
    found[0, 1, 2] *= 0.5
    found[1, 2, 3, 0], found[1, 2, 3, 1] = -0.25, 1.75
    trace = attnviz.explain(found)
    assert torch.equal(stack(trace, "decoder.cross"), found)
    assert (trace.facts["uneven"], trace.facts["outside"], trace.facts["rows"]) == (2, 2, 24)


def test_a_trace_of_bare_weights_is_saved_and_loaded(tmp_path: Any) -> None:
    trace = attnviz.explain(weights(2, 3, 5, 5).tril(), "a b c d e")
    trace.save(tmp_path / "bare.npz")
    loaded = attnviz.Trace.load(tmp_path / "bare.npz")
    assert (loaded.target, dict(loaded.facts)) == (trace.target, dict(trace.facts))
    for path, kept in trace.items():
        assert torch.equal(loaded[path].value, kept.value)


def test_a_mistake_is_one_sentence_with_both_numbers() -> None:
    square, oblong = weights(3, 5, 5), weights(3, 5, 7)
    assert "4 source tokens for weights of 5" in refused("tokens", square, "a b c d")
    assert "6 target" in refused("tokens", oblong, "a b c d e f g", "a b c d e f")
    assert "1 axes" in refused("axes", torch.rand(5))
    assert "6 axes" in refused("axes", torch.rand(1, 1, 1, 1, 2, 2))
    assert "5 axes" in refused("axes", [torch.rand(1, 1, 1, 2, 2)])
    assert "complex" in refused("kind", square * 1j)
    assert "complex" in refused("kind", (square * 1j).numpy())
    assert "<U1" in refused("kind", np.array([["a"]]))
    refused("kind", [[1.0, 2.0], [3.0]])
    assert "(3, 0, 5)" in refused("empty", torch.rand(3, 0, 5))
    assert "(3, 5, 7)" in refused("layers", [square, oblong])
    assert "5 queries and 7 keys" in refused("square", oblong, block="encoder.self")
    assert "'middle'" in refused("name", square, block="middle")
    assert "of 2" in refused(
        "block", {"encoder.self": square, "cross_attentions": oblong[..., :5]}, block="encoder.self"
    )
    refused("side", {"encoder.self": square}, "a b c d e", "a b c d e")
    sizes = {"encoder.self": weights(1, 3, 5, 5), "decoder.cross": weights(1, 3, 4, 6)}
    message = refused("sizes", sizes)
    assert "6 source tokens" in message
    assert "5" in message
    refused("none", (torch.rand(2, 5, 12), None))
    refused("none", [None, None])
    refused("none", None)
    refused("none", {})
    refused("steps", ((square[None],), (square[None],)))


def test_numbers_that_are_not_finite_are_counted() -> None:
    found = weights(3, 5, 5)
    found[0, 0, 0], found[2, 4, 1] = torch.nan, torch.inf
    assert "2 of 75" in refused("finite", found)


def test_too_many_numbers_are_refused_before_any_is_copied() -> None:
    wide = torch.zeros(1).expand(100, 100, 100, 100)
    message = refused("large", wide)
    assert "100000000" in message
    assert "64000000" in message
    refused("large", [wide[0]] * 100)
