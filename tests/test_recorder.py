"""A step knows what it was made of: steps by their tensors, weights by their names."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from attnviz import rule
from attnviz.attention.core import attend
from attnviz.recorder import SILENT, Recorder, Step
from attnviz.trace import Trace

RAW = Step("raw", "T D", r"r")
SCALED = Step("scaled", "T D", r"r / 2", "raw[t, d] / two")
LAST = Step("last", "T", r"\sum r", "sum(d, x[t, d] * W[d]) + b")


def ones() -> Tensor:
    return torch.ones(1, 2, 3)


def inputs(rec: Recorder, path: str = "last") -> dict[str, str | float]:
    return dict(rec.kept()[path].inputs)


def test_an_input_is_found_by_the_tensor_itself_and_not_by_its_numbers() -> None:
    rec, x, alike = Recorder(), ones(), ones()
    rec.at("in").at(0).keep(RAW, x)
    rec.keep(LAST, x.sum(-1), x=x, alike=alike)
    assert inputs(rec) == {"x": "in.0.raw"}


def test_a_weight_is_found_by_its_name() -> None:
    weight, buffer = torch.nn.Parameter(torch.ones(3)), torch.ones(3)
    rec = Recorder(weights={"first": weight, "second": buffer})
    rec.at("deep").at("down").keep(LAST, torch.ones(1, 2), W=weight, b=buffer)
    assert inputs(rec, "deep.down.last") == {"W": "first", "b": "second"}
    assert rec.at("deep").weights is rec.weights
    assert Trace.of(rec).weights == {"first": weight, "second": buffer}


def test_what_is_not_there_is_left_out_and_a_zero_is_there() -> None:
    rec = Recorder()
    rec.keep(LAST, torch.ones(1, 2), b=None, epsilon=0.0, past=0, share=0.5)
    assert inputs(rec) == {"epsilon": 0.0, "past": 0, "share": 0.5}


def test_a_step_as_an_input_is_the_one_of_the_same_place() -> None:
    rec = Recorder()
    for place in ("encoder", "decoder"):
        rec.at(place).derive(RAW, ones)
        rec.at(place).derive(LAST, lambda: ones().sum(-1), x=RAW)
        assert inputs(rec, f"{place}.last") == {"x": f"{place}.raw"}


def test_a_tensor_that_is_kept_again_is_known_by_its_last_name() -> None:
    rec, x = Recorder(), ones()
    rec.at("first").keep(RAW, x)
    rec.at("second").keep(RAW, x, x=x)
    rec.keep(LAST, x.sum(-1), x=x)
    assert inputs(rec, "second.raw") == {"x": "first.raw"}
    assert inputs(rec) == {"x": "second.raw"}


def test_a_value_overwritten_in_place_is_two_steps_and_each_has_its_own_numbers() -> None:
    rec, x = Recorder(), ones()
    raw = rec.keep(RAW, 6 * x, again=lambda: 6 * x)
    scaled = rec.keep(SCALED, raw.mul_(0.5), raw=RAW, two=2)
    rec.keep(LAST, scaled.sum(-1), x=scaled)
    assert inputs(rec, "scaled") == {"raw": "raw", "two": 2}
    assert inputs(rec) == {"x": "scaled"}
    trace = Trace.of(rec)
    assert (trace["raw"].value == 6).all()
    assert (trace["scaled"].value == 3).all()


def test_in_an_attention_raw_and_scaled_scores_are_told_apart() -> None:
    rec = Recorder()
    attend(torch.randn(1, 4, 5, 3), torch.randn(1, 2, 7, 3), torch.randn(1, 2, 7, 6), rec=rec)
    assert inputs(rec, "scaled") == {"raw": "raw", "d_head": 3}
    assert inputs(rec, "scores") == {"score": "scaled"}
    assert inputs(rec, "pattern") == {"exp": "exp", "sum": "sum"}


@pytest.mark.parametrize("again", [None, ones])
def test_an_edited_step_is_found_by_what_was_returned(again: type | None) -> None:
    rec, x = Recorder({"raw": lambda value: value * 5}), ones()
    edited = rec.keep(RAW, x, again=again)
    rec.keep(LAST, x.sum(-1), x=edited, original=x)
    assert edited is not x
    assert inputs(rec) == {"x": "raw"}
    assert (Trace.of(rec)["raw"].value == 5).all()


def test_memory_that_is_used_anew_is_not_taken_for_what_stood_there() -> None:
    rec = Recorder()
    for i in range(50):
        rec.at(i).keep(RAW, torch.ones(1, 2, 3), again=ones)
    for _ in range(50):
        rec.keep(LAST, torch.ones(1, 2), x=torch.ones(1, 2, 3))
        assert inputs(rec) == {}


def test_silence_takes_the_same_arguments_and_keeps_nothing() -> None:
    x = ones()
    assert SILENT.at("in").keep(RAW, x, again=ones, x=x, two=2) is x
    SILENT.derive(LAST, ones, x=RAW)
    assert SILENT.kept() == {}


def test_every_input_of_a_run_is_an_earlier_step_a_weight_or_a_number(walk: Trace) -> None:
    before: set[str] = set()
    for path, kept in walk.items():
        assert not kept.step.rule or set(rule.operands(rule.parse(kept.step.rule))) <= set(
            kept.inputs
        )
        named = {given for given in kept.inputs.values() if isinstance(given, str)}
        assert named <= before | set(walk.weights), path
        before.add(path)


def test_what_steps_were_made_of_survives_saving(walk: Trace, tmp_path: Path) -> None:
    walk.save(tmp_path / "a.npz")
    loaded = Trace.load(tmp_path / "a.npz")
    assert {p: dict(k.inputs) for p, k in loaded.items()} == {
        p: dict(k.inputs) for p, k in walk.items()
    }
    assert {p: k.step for p, k in loaded.items()} == {p: k.step for p, k in walk.items()}
    assert not loaded.weights


def test_the_words_of_a_step_survive_saving(tmp_path: Path) -> None:
    said = {"en": ("Mine", "A step of mine."), "zh": ("我的", "我自己的一步。")}
    rec = Recorder()
    rec.keep(Step("mine", "T D", "m", "1 / inf", "weight", said), ones())
    Trace.of(rec).save(tmp_path / "a.npz")
    loaded = Trace.load(tmp_path / "a.npz")["mine"].step
    assert loaded.words == said
    assert (loaded.rule, loaded.kind) == ("1 / inf", "weight")
