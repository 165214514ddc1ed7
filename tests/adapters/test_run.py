"""A foreign model runs like any other: one call, one trace."""

from typing import Any

import pytest
import torch

import attnviz
from attnviz.analysis.block import allowed, blocks, n_layers
from attnviz.analysis.derivation import derivation


def test_every_kind_of_model_runs_and_shows_its_blocks(case: Any) -> None:
    trace = attnviz.run(case.bundle, "Nobody knows the weather.")
    kinds = {
        "encoder-only": ("encoder.self",),
        "decoder-only": ("decoder.self",),
        "encoder-decoder": ("encoder.self", "decoder.self", "decoder.cross"),
    }
    assert blocks(trace) == kinds[case.bundle.config.kind]
    for block in blocks(trace):
        for layer in range(n_layers(trace, block)):
            assert allowed(trace, block, layer).any()
    assert trace["probs"].value.shape[-1] >= case.bundle.tokenizer.size


def test_a_forced_target_is_read_as_given(make_case: Any) -> None:
    case = make_case("bart")
    trace = attnviz.run(case.bundle, "Nobody knows.", "nobody reads")
    assert trace.target is not None
    assert trace.target.text == "nobody reads"
    assert trace.target.ids[0] == case.bundle.tokenizer.start


@pytest.mark.parametrize("name", ["t5", "gpt2"])
def test_what_is_decoded_is_what_the_most_probable_tokens_are(make_case: Any, name: str) -> None:
    case = make_case(name)
    trace = attnviz.run(case.bundle, "Nobody knows.", n_new=6)
    assert trace.target is not None
    begun = trace.facts.get("prompt", 1)
    best = trace["logits"].value.argmax(-1).tolist()
    assert len(trace.target) > begun
    assert list(trace.target.ids[begun:]) == best[begun - 1 : len(trace.target) - 1]


def test_a_variant_and_an_edit_go_through_run(make_case: Any) -> None:
    case = make_case("llama")
    plain = attnviz.run(case.bundle, "Nobody knows.")
    swapped = attnviz.run(case.bundle, "Nobody knows.", variant="entmax", where="decoder.1.self")
    edited = attnviz.run(
        case.bundle, "Nobody knows.", edits={"decoder.0.self.pattern": torch.zeros_like}
    )
    for other in (swapped, edited):
        assert not torch.allclose(other["logits"].value, plain["logits"].value)


@pytest.mark.parametrize("name", ["llama", "gemma2", "t5", "bloom", "gpt-oss", "mistral"])
def test_every_rule_gives_the_number_that_was_recorded(make_case: Any, name: str) -> None:
    case = make_case(name)
    trace = attnviz.run(case.bundle, "Nobody knows the weather.", n_new=2)
    for path, kept in trace.items():
        at = {
            x: n // 2 for x, n in zip(kept.step.axes.lower().split(), kept.value.shape, strict=True)
        }
        if not kept.step.rule:
            continue
        found = derivation(trace, path, {k: v for k, v in at.items() if k != "1"})
        assert found.node is not None, path
        assert found.follows, path
