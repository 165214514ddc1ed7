"""What is recorded of a foreign model is what transformers itself gives for it."""

from typing import Any

import pytest
import torch
from torch import Tensor

from attnviz.recorder import Recorder
from attnviz.trace import Trace

CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}


def published(case: Any) -> Any:
    """Transformers' own output, with patterns and hidden states."""
    given = case.inputs()
    wanted = {"output_attentions": True, "output_hidden_states": True}
    if case.bundle.config.kind == "encoder-decoder":
        ids = {"input_ids": given["source_BS"], "decoder_input_ids": given["target_BT"]}
    else:
        ids = {"input_ids": next(iter(given.values()))}
    with torch.no_grad():
        return case.untouched(**ids, **wanted)


def trace(case: Any) -> tuple[Tensor, Trace]:
    rec = Recorder(weights=case.bundle.weights)
    with torch.no_grad():
        logits_BTV = case.bundle.model(**case.inputs(), rec=rec)
    return logits_BTV, Trace.of(rec)


def lists(case: Any, found: Any, what: str) -> dict[str, tuple[Tensor, ...]]:
    """The published lists by the names of our stacks: attentions or hidden_states."""
    if case.bundle.config.kind != "encoder-decoder":
        stack = "encoder" if case.bundle.config.has_encoder else "decoder"
        return {f"{stack}.{{}}.self": found[what]}
    cross = {"decoder.{}.cross": found["cross_attentions"]} if what == "attentions" else {}
    return {
        "encoder.{}.self": found[f"encoder_{what}"],
        "decoder.{}.self": found[f"decoder_{what}"],
    } | cross


def test_every_pattern_is_the_published_one(case: Any) -> None:
    kept, names = trace(case)[1], []
    for path, patterns in lists(case, published(case), "attentions").items():
        for layer, pattern_BHTS in enumerate(patterns):
            name = path.format(layer)
            names.append(name)
            torch.testing.assert_close(kept[f"{name}.pattern"].value, pattern_BHTS[0], **CLOSE)
    assert sorted(names) == sorted(case.bundle.model.attentions())


def test_the_logits_are_bit_for_bit_the_published_ones(case: Any) -> None:
    assert torch.equal(trace(case)[0], published(case).logits)


def test_the_residual_stream_is_the_published_one(case: Any) -> None:
    kept = trace(case)[1]
    assert "resid" not in case.bundle.model.missing
    for path, states in lists(case, published(case), "hidden_states").items():
        start = path.removesuffix(".self")
        for layer, state_BTD in enumerate(states[:-1]):
            assert torch.equal(kept[f"{start.format(layer)}.resid_pre"].value, state_BTD[0])
        for layer, state_BTD in enumerate(states[1:-1]):
            assert torch.equal(kept[f"{start.format(layer)}.resid_post"].value, state_BTD[0])
        stack = start.removesuffix(".{}")
        assert torch.equal(kept[f"{stack}.embed.sum"].value, states[0][0])


def test_the_recorded_steps_follow_from_each_other(case: Any) -> None:
    kept = trace(case)[1]
    for name in case.bundle.model.attentions():
        at = {x: kept[f"{name}.{x}"].value for x in ("q", "k", "v", "raw", "pattern", "z")}
        n = len(at["q"]) // len(at["k"])
        for head in range(len(at["q"])):
            raw_TS = at["q"][head] @ at["k"][head // n].T
            torch.testing.assert_close(at["raw"][head], raw_TS, **CLOSE)
            z_TE = at["pattern"][head] @ at["v"][head // n]
            torch.testing.assert_close(at["z"][head], z_TE, **CLOSE)


def test_a_recorded_pass_gives_the_very_numbers_of_a_silent_one(case: Any) -> None:
    with torch.no_grad():
        assert torch.equal(case.bundle.model(**case.inputs()), trace(case)[0])


def test_rows_are_not_even_so_that_parity_means_something(case: Any) -> None:
    kept = trace(case)[1]
    for name in case.bundle.model.attentions():
        pattern_HTS = kept[f"{name}.pattern"].value
        choice_HTS = pattern_HTS[:, 1:]  # a first row of a decoder has one key alone
        assert (choice_HTS.amax(-1) > 1.2 * choice_HTS.mean(-1)).any(), name


def test_silencing_the_first_attention_changes_the_logits(case: Any) -> None:
    first = case.bundle.model.attentions()[0]
    for step in ("pattern", "z"):
        rec = Recorder({f"{first}.{step}": torch.zeros_like})
        with torch.no_grad():
            changed = case.bundle.model(**case.inputs(), rec=rec)
        assert not torch.allclose(changed, trace(case)[0])
        assert not torch.equal(rec.kept()["logits"].value, trace(case)[1]["logits"].value[None])


def test_the_probabilities_are_the_softmax_of_the_logits(case: Any) -> None:
    logits_BTV, kept = trace(case)
    torch.testing.assert_close(kept["probs"].value, logits_BTV[0].softmax(-1), **CLOSE)


@pytest.mark.parametrize("name", ["llama", "t5", "bart", "gemma2"])
def test_in_float64_ours_and_theirs_agree_closely(make_case: Any, name: str) -> None:
    case = make_case(name)
    case.bundle.model.double()
    try:
        kept = trace(case)[1]  # a pass that does not agree is refused
        assert kept["decoder.0.self.pattern"].value.dtype == torch.float64
    finally:
        case.bundle.model.float()
