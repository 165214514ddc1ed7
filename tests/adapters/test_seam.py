"""Recording, editing and changing a foreign model through the one seam leaves nothing behind."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from attnviz.adapters import reading, seam
from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parts import Parts
from attnviz.model.swap import Swap, swapped
from attnviz.pretrained import LoadError
from attnviz.recorder import SILENT, Recorder
from attnviz.trace import Trace

CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}


@torch.no_grad()
def run(case: Any, rec: Recorder = SILENT, text: str | None = None, **about: Any) -> Tensor:
    given = case.inputs(text) if text else case.inputs()
    return case.bundle.model(**given, rec=rec, **about)


def kept(case: Any, **about: Any) -> Trace:
    rec = Recorder(weights=case.bundle.weights)
    run(case, rec, **about)
    return Trace.of(rec)


def near(found: Tensor, wanted: Tensor) -> None:
    """Alike but for float32's rounding on the way through all layers."""
    assert float((found - wanted).abs().max()) < 1e-4 * float(wanted.abs().max())


def test_an_edit_of_a_pattern_changes_what_comes_after_it_and_nothing_before(gpt2: Any) -> None:
    plain = kept(gpt2)
    rec = Recorder({"decoder.1.self.pattern": lambda x: x.roll(1, dims=-1)})
    changed = run(gpt2, rec)
    edited = Trace.of(rec)
    assert not torch.allclose(changed[0], plain["logits"].value)
    for name, same in (("0.resid_post", True), ("1.self.scores", True), ("1.self.z", False)):
        a, b = plain[f"decoder.{name}"].value, edited[f"decoder.{name}"].value
        assert torch.equal(a, b) == same
    pattern, v = (edited[f"decoder.1.self.{x}"].value for x in ("pattern", "v"))
    torch.testing.assert_close(edited["decoder.1.self.z"].value, pattern @ v, **CLOSE)


@pytest.mark.parametrize(
    "path", ["decoder.embed.sum", "decoder.1.resid_pre", "decoder.2.resid_post", "decoder.final"]
)
def test_an_edit_of_the_stream_reaches_the_logits(gpt2: Any, path: str) -> None:
    rec = Recorder({path: lambda x: x.flip(-1)})
    assert not torch.allclose(run(gpt2, rec), run(gpt2))


def test_an_edit_that_changes_nothing_changes_no_logit_beyond_rounding(case: Any) -> None:
    edits = {f"{name}.pattern": lambda x: x for name in case.bundle.model.attentions()}
    near(run(case, Recorder(edits)), run(case))


def test_parts_of_our_own_can_take_the_place_of_any_attention(case: Any) -> None:
    for name in case.bundle.model.attentions():
        same = {name: Parts(normalize=lambda x, rec: softmax(x, rec))}
        sharp = {name: Parts(normalize=lambda x, rec: softmax(x * 50, rec))}
        own = case.bundle.model.parts(name)
        if own.normalize is softmax:
            near(run(case, changes=same), run(case))
        assert not torch.equal(run(case, changes=sharp), run(case))


@pytest.mark.parametrize("name", ["gpt2", "bert", "t5", "bart", "mistral"])
def test_a_variant_can_be_put_into_a_foreign_model(make_case: Any, name: str) -> None:
    case = make_case(name)
    last = case.bundle.model.attentions()[-1]
    changes = swapped(case.bundle.model, Swap(variant="entmax", where=last))
    found = kept(case, changes=changes)
    pattern_HTS = found[f"{last}.pattern"].value
    torch.testing.assert_close(pattern_HTS.sum(-1), torch.ones(pattern_HTS.shape[:2]), **CLOSE)
    hidden = found[f"{last}.masked"].value == -torch.inf
    assert (pattern_HTS[hidden] == 0).all()
    assert not torch.equal(run(case, changes=changes), run(case))


def test_a_variant_in_one_head_leaves_the_other_heads_the_models_own(make_case: Any) -> None:
    case = make_case("t5")
    changes = swapped(case.bundle.model, Swap(variant="entmax", where="encoder.0.self.1"))
    plain, found = kept(case), kept(case, changes=changes)
    name = "encoder.0.self.pattern"
    others = [0, 2]
    torch.testing.assert_close(found[name].value[others], plain[name].value[others], **CLOSE)
    assert not torch.allclose(found[name].value[1], plain[name].value[1])


def test_a_causal_model_says_so_and_its_window_is_a_rule(make_case: Any) -> None:
    trace = kept(make_case("mistral"))
    step = trace["decoder.0.self.allowed"]
    t, s = step.value.shape[1:]
    for i in range(t):
        for j in range(s):
            assert bool(step.value[0, i, j]) == (0 <= i - j < 5)
    assert step.inputs["window"] == 5
    assert make_case("bert").bundle.model.parts("encoder.0.self").allow is None


def test_padding_is_not_attended_to(make_case: Any) -> None:
    case = make_case("bert")
    given = case.inputs()
    n = given["source_BS"].shape[1]
    real = torch.ones(1, n, dtype=torch.bool)
    real[0, -3:] = False
    rec = Recorder()
    with torch.no_grad():
        case.bundle.model(**given, source_real_BS=real, rec=rec)
    assert (Trace.of(rec)["encoder.1.self.pattern"].value[..., -3:] == 0).all()


def test_two_threads_at_once_do_not_mix(make_case: Any) -> None:
    case = make_case("llama")
    texts = ["Nobody knows.", "The weather of a long and unbelievable sentence is nice today!"]
    alone = [run(case, text=text) for text in texts]
    found: dict[int, list[tuple[Tensor, Trace]]] = {0: [], 1: []}
    start = threading.Barrier(2)

    def work(i: int) -> None:
        torch.set_num_threads(1)
        start.wait()
        for _ in range(8):
            rec = Recorder()
            found[i].append((run(case, rec, text=texts[i]), Trace.of(rec)))

    threads = [threading.Thread(target=work, args=(i,)) for i in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, runs in found.items():
        assert len(runs) == 8
        for logits, trace in runs:
            assert torch.equal(logits, alone[i])
            assert trace["decoder.2.self.z"].value.shape[1] == logits.shape[1]


def test_nobody_listens_after_a_pass_that_failed(gpt2: Any) -> None:
    def broken(_: Tensor) -> Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(gpt2, Recorder({"decoder.0.self.pattern": broken}))
    before = run(gpt2)
    with torch.no_grad():
        ids = next(iter(gpt2.inputs().values()))
        assert torch.equal(gpt2.bundle.model.hf(input_ids=ids).logits, before)


def test_an_attention_that_differs_is_refused_by_name(
    gpt2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = gpt2.bundle.model
    plan = model.plans["decoder"]
    odd = replace(plan.calls[1], parts=replace(plan.calls[1].parts, allow=None, normalize=hard))
    calls = (plan.calls[0], odd, plan.calls[2])
    monkeypatch.setitem(model.plans, "decoder", replace(plan, calls=calls))
    with pytest.raises(LoadError, match=r"decoder\.1\.self\.pattern"):
        run(gpt2, Recorder())


def hard(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    return softmax(masked_BHTS * 3, rec)


@pytest.mark.parametrize("name", ["gpt2", "bloom", "t5", "marian", "gemma2", "gpt-neo"])
def test_decoding_with_a_past_gives_the_logits_of_reading_all_anew(
    make_case: Callable[[str], Any], name: str
) -> None:
    case = make_case(name)
    model, given = case.bundle.model, case.inputs()
    ids, whole = given["target_BT"], run(case)
    with torch.no_grad():
        memory = model.encode(given["source_BS"]) if "source_BS" in given else None
        past = model.cache()
        found = [model.decode(ids[:, :2], memory, cache=past)]
        found += [
            model.decode(ids[:, i : i + 1], memory, cache=past) for i in range(2, ids.shape[1])
        ]
    near(torch.cat(found, dim=1), whole)


def test_what_enters_a_score_says_whether_it_was_turned(make_case: Any) -> None:
    assert "RoPE" in kept(make_case("llama"))["decoder.0.self.q"].step.words["en"][1]
    assert "RoPE" not in kept(make_case("llama"))["decoder.0.self.v"].step.words["en"][1]
    assert "RoPE" not in kept(make_case("gpt2"))["decoder.0.self.q"].step.words["en"][1]


def test_other_users_of_transformers_are_not_listened_to(gpt2: Any) -> None:
    class Loud:
        def attention(self, asked: seam.Asked) -> seam.Answer:
            raise AssertionError("the untouched model asked the seam")

    with seam.read_by(Loud()), torch.no_grad():  # type: ignore[arg-type]
        gpt2.untouched(input_ids=next(iter(gpt2.inputs().values())))


def test_a_trace_of_a_foreign_model_survives_saving(gpt2: Any, tmp_path: Any) -> None:
    found = kept(gpt2)
    found.save(tmp_path / "trace.npz")
    again = Trace.load(tmp_path / "trace.npz")
    assert list(again) == list(found)
    assert again["decoder.0.self.q"].step == found["decoder.0.self.q"].step
    assert reading.TOLERANCE == 1e-5
