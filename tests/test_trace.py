"""A trace is immutable, self-describing, and the same after saving and loading."""

import io
import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
import torch

from attnviz.recorder import SILENT, Kept, Recorder, Step
from attnviz.trace import Tokens, Trace

SCORES = Step("scores", "H T S", r"S = Q K^\top")
Z = Step("z", "T D", "z")
COUNT = Step("count", "T", "n")


def tokens() -> Tokens:
    return Tokens(
        text="天气 ok 🙂",
        pieces=("<2zh>", "天气", " ok", " 🙂"),
        ids=(5, 17, 23, 300),
        spans=(None, (0, 2), (2, 5), (5, 7)),
        special=(True, False, False, False),
    )


def recorder() -> Recorder:
    rec = Recorder()
    make = torch.Generator().manual_seed(0)
    rec.at("decoder").at(0).keep(SCORES, torch.randn(1, 2, 3, 5, generator=make))
    rec.at("decoder").at(1).keep(SCORES, torch.full((1, 2, 4, 7), -torch.inf))
    rec.at("decoder").keep(Z, torch.randn(1, 3, 6, generator=make, dtype=torch.float64))
    rec.keep(COUNT, torch.tensor([[3, 1, 2]]))
    return rec


@pytest.fixture
def trace() -> Trace:
    facts = {"model": "en-zh", "n_ctx": 128, "cut": {"source": 3}, "note": "分", "share": 0.1}
    return Trace.of(recorder(), source=tokens(), output="天气 🙂", facts=facts)


def test_a_saved_trace_loads_bit_for_bit(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "a.npz")
    loaded = Trace.load(tmp_path / "a.npz")
    assert list(loaded) == list(trace)
    for path, kept in trace.items():
        assert loaded[path].step == kept.step
        assert loaded[path].value.dtype == kept.value.dtype
        assert torch.equal(loaded[path].value, kept.value)
    assert (loaded.source, loaded.target) == (trace.source, None)
    assert loaded.output == trace.output
    assert loaded.facts == trace.facts


def test_a_trace_saved_before_steps_had_rules_is_still_read(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "a.npz")
    stored = dict(np.load(tmp_path / "a.npz"))
    about = json.loads(stored["__trace__"].tobytes())
    del about["inputs"]
    for step in about["steps"].values():
        for name in ("rule", "kind", "words"):
            del step[name]
    stored["__trace__"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez_compressed(tmp_path / "old.npz", **stored)  # type: ignore[arg-type]
    old = Trace.load(tmp_path / "old.npz")
    assert list(old) == list(trace)
    assert all(torch.equal(old[path].value, trace[path].value) for path in trace)


def test_tokens_of_an_empty_text_are_not_lost(tmp_path: Path) -> None:
    empty = Tokens(text="", pieces=(), ids=(), spans=(), special=())
    Trace({}, target=empty).save(tmp_path / "a.npz")
    assert Trace.load(tmp_path / "a.npz").target == empty


def test_an_infinite_score_survives_saving(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "a.npz")
    assert (Trace.load(tmp_path / "a.npz")["decoder.1.scores"].value == -torch.inf).all()


def test_steps_are_found_by_path_in_the_order_of_computation(trace: Trace) -> None:
    assert list(trace) == ["decoder.0.scores", "decoder.1.scores", "decoder.z", "count"]
    assert trace["decoder.z"].step is Z


def test_an_unknown_path_lists_the_known_ones(trace: Trace) -> None:
    with pytest.raises(KeyError, match=r"no step 'decoder.0.score'; known are decoder.0.scores,"):
        trace["decoder.0.score"]


def test_a_batch_of_one_is_dropped_unless_it_is_asked_for() -> None:
    whole = Trace.of(recorder(), batched=True)["decoder.0.scores"]
    single = Trace.of(recorder())["decoder.0.scores"]
    assert (whole.axes, single.axes) == ("B H T S", "H T S")
    assert torch.equal(whole.value[0], single.value)


def test_a_trace_cannot_be_assigned_to(trace: Trace) -> None:
    with pytest.raises(FrozenInstanceError):
        trace.output = "other"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        trace["count"].value = torch.zeros(3)  # type: ignore[misc]
    with pytest.raises(TypeError):
        trace.steps["count"] = trace["decoder.z"]  # type: ignore[index]
    with pytest.raises(TypeError):
        trace.facts["model"] = "other"  # type: ignore[index]
    with pytest.raises(TypeError):
        trace["mine"] = trace["count"]  # type: ignore[index]


def test_a_trace_does_not_follow_the_dictionaries_it_was_made_of() -> None:
    steps = {"count": Kept("count", COUNT, torch.zeros(3))}
    facts = {"model": "a"}
    trace = Trace(steps, facts=facts)
    steps.clear()
    facts["model"] = "b"
    assert list(trace) == ["count"]
    assert trace.facts["model"] == "a"


def test_two_traces_can_be_compared(trace: Trace) -> None:
    assert trace == trace
    assert trace != Trace.of(recorder())


def test_a_value_that_is_overwritten_is_recorded_as_it_was() -> None:
    rec = Recorder()
    value = rec.keep(Z, torch.ones(1, 3, 6), again=lambda: torch.ones(1, 3, 6))
    value.mul_(5)
    assert torch.equal(Trace.of(rec)["z"].value, torch.ones(3, 6))


def test_what_an_edit_makes_is_not_overwritten_by_the_next_line() -> None:
    mine = torch.full((1, 3, 6), 2.0)
    rec = Recorder({"z": lambda _: mine})
    value = rec.keep(Z, torch.ones(1, 3, 6), again=lambda: torch.ones(1, 3, 6))
    assert torch.equal(value, mine)
    value.mul_(5)
    assert (mine == 2).all()
    assert torch.equal(Trace.of(rec)["z"].value, mine[0])


def test_a_derived_step_is_computed_once_and_only_when_it_is_read(tmp_path: Path) -> None:
    calls = []
    rec = Recorder({"decoder.z": lambda value: 2 * value}).at("decoder")
    rec.derive(Z, lambda: calls.append(1) or torch.ones(1, 3, 6))
    trace = Trace.of(rec)
    assert list(trace) == ["decoder.z"]
    assert not calls
    assert torch.equal(trace["decoder.z"].value, torch.full((3, 6), 2.0))
    assert trace["decoder.z"].value is trace["decoder.z"].value
    assert len(calls) == 1
    trace.save(tmp_path / "a.npz")
    assert torch.equal(Trace.load(tmp_path / "a.npz")["decoder.z"].value, trace["decoder.z"].value)


def test_a_derived_step_that_does_not_fit_its_axes_is_refused_when_it_is_read() -> None:
    rec = Recorder()
    rec.derive(Z, lambda: torch.ones(1, 3))
    with pytest.raises(ValueError, match="z has 2 axes"):
        _ = Trace.of(rec)["z"].value


def test_what_was_recorded_has_no_gradient() -> None:
    rec = Recorder()
    rec.keep(Z, torch.zeros(1, 3, 6, requires_grad=True) + 1)
    assert not Trace.of(rec)["z"].value.requires_grad


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 3), r"block.scores has 3 axes \(1, 2, 3\), declared 'B H T S'"),
        ((1, 2, 4, 5), "block.scores: axis T has size 4, expected 3"),
    ],
)
def test_a_step_that_does_not_fit_its_axes_is_refused(shape: tuple[int, ...], message: str) -> None:
    rec = Recorder().at("block")
    rec.keep(Z, torch.zeros(1, 3, 6))
    rec.keep(SCORES, torch.zeros(*shape))
    with pytest.raises(ValueError, match=message):
        Trace.of(rec)


def test_a_recorder_gives_back_what_an_edit_makes_and_keeps_it() -> None:
    rec = Recorder({"decoder.0.scores": lambda value: value + 1})
    value = torch.zeros(1, 2, 3, 5)
    edited = rec.at("decoder").at(0).keep(SCORES, value)
    assert torch.equal(edited, value + 1)
    assert torch.equal(rec.kept()["decoder.0.scores"].value, edited)
    assert rec.at("decoder").at(1).keep(SCORES, value) is value


def test_silence_gives_back_the_very_value_and_keeps_nothing() -> None:
    value = torch.zeros(1, 2, 3, 5)
    assert SILENT.at("decoder").at(0).keep(SCORES, value) is value
    assert SILENT.kept() == {}


def archive(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **arrays)
    return file.getvalue()


def array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"not a zip", b"PK\x03\x04 broken", array(), archive(a=np.ones(3))],
    ids=["empty", "text", "broken zip", "one array", "foreign npz"],
)
def test_a_file_that_is_no_trace_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "foreign.npz"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign\.npz is not a saved trace"):
        Trace.load(file)


def test_a_cut_off_file_is_refused(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="not a saved trace"):
        Trace.load(tmp_path / "a.npz")


class Mark:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_a_pickled_object_is_never_opened(tmp_path: Path) -> None:
    mark = np.array([Mark(tmp_path / "opened")], dtype=object)
    (tmp_path / "a.npz").write_bytes(archive(__trace__=mark))
    with pytest.raises(ValueError, match="not a saved trace"):
        Trace.load(tmp_path / "a.npz")
    assert not (tmp_path / "opened").exists()
