"""The way through a trace misses no step, and a cell is always one that there is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.analysis import way
from attnviz.analysis.derivation import derivation
from attnviz.textbook import Lesson
from attnviz.trace import Trace

KINDS = ("encoder-decoder", "decoder-only", "encoder-only")


def test_stages_follow_each_other_and_hold_every_step(walk: Trace) -> None:
    stages = way.stages(walk)
    assert stages[0].first == 0
    for before, after in zip(stages, (*stages[1:], None), strict=True):
        assert before.n > 0
        assert before.first + before.n == (after.first if after else len(walk))


def test_two_stages_that_follow_are_not_the_same_place(walk: Trace) -> None:
    stages = [(stage.group, stage.row, stage.name) for stage in way.stages(walk)]
    assert len(stages) == len(set(stages))


def test_a_step_of_a_sublayer_is_in_its_stage(walk: Trace) -> None:
    paths = list(walk)
    for stage in way.stages(walk):
        for path in paths[stage.first : stage.first + stage.n]:
            folders = path.split(".")[:-1]
            assert folders[:1] == ([stage.group] if stage.group else [])
            assert folders[1:2] == ([stage.row] if stage.row else [])
            assert folders[2:3] in ([], [stage.name])


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_goes_through_its_sublayers(make_trace: Any, kind: str) -> None:
    found = [(s.group, s.row, s.name) for s in way.stages(make_trace(kind))]
    expected = []
    for stack in ("encoder", "decoder"):
        if kind not in (f"{stack}-only", "encoder-decoder"):
            continue
        cross = ["cross"] if stack == "decoder" and kind == "encoder-decoder" else []
        expected.append((stack, "embed", ""))
        expected += [(stack, i, name) for i in "01" for name in ("self", *cross, "mlp")]
        expected.append((stack, "", ""))
    assert found == [*expected, ("", "", "")]


def test_the_stream_belongs_to_the_sublayer_that_reads_or_writes_it(trace: Trace) -> None:
    paths, found = list(trace), {}
    for stage in way.stages(trace):
        for path in paths[stage.first : stage.first + stage.n]:
            found[path] = stage.name
    for name, expected in (("resid_pre", "self"), ("resid_mid", "self"), ("resid_post", "mlp")):
        assert found[f"decoder.1.{name}"] == found[f"encoder.0.{name}"] == expected
    assert found["decoder.0.resid_cross"] == "cross"


def test_a_lesson_goes_from_the_tokens_to_the_classes() -> None:
    found = [(stage.group, stage.row, stage.name) for stage in way.stages(Lesson().run())]
    assert found == [(name, "", "") for name in ("encode", "query", "attend", "classify")]


@pytest.mark.parametrize(
    ("path", "scope", "attention"),
    [
        ("encoder.0.self.q", "self", "encoder.0.self"),
        ("decoder.11.cross.pattern", "cross", "decoder.11.cross"),
        ("decoder.1.mlp.pre", "mlp", None),
        ("decoder.1.resid_pre", "decoder", None),
        ("encoder.embed.ids", "embed", None),
        ("encoder.norm", "encoder", None),
        ("logits", "", None),
        ("attend.q", "attend", None),
    ],
)
def test_a_path_tells_where_a_step_belongs(path: str, scope: str, attention: str | None) -> None:
    assert (way.scope(path), way.attention(path)) == (scope, attention)


def test_tokens_are_named_on_the_side_that_they_stand_on(trace: Trace) -> None:
    assert trace.source is not None
    assert trace.target is not None
    for path, rows, keys in (
        ("encoder.1.self.pattern", trace.source, trace.source),
        ("decoder.1.self.pattern", trace.target, trace.target),
        ("decoder.1.cross.pattern", trace.target, trace.source),
        ("decoder.0.cross.k", trace.target, trace.source),
        ("encoder.embed.token", trace.source, trace.source),
    ):
        found = way.places(trace, path)
        assert (len(found["t"]), len(found["s"])) == (len(rows), len(keys)), path
        assert found["t"][0] == rows.pieces[0]
        assert found["s"][0] == keys.pieces[0]


def test_a_token_has_a_name_for_every_place_of_its_axis(walk: Trace) -> None:
    for path, kept in walk.items():
        names = way.places(walk, path)
        for letter, size in zip(kept.axes.split(), kept.value.shape, strict=True):
            if letter in "TS":
                assert len(names[letter.lower()]) == size, path


def test_at_the_top_a_row_is_what_it_reads_and_writes(trace: Trace) -> None:
    assert way.places(trace, "logits")["t"][0] == "<s>→难以"
    assert way.places(trace, "logits")["t"][-1] == "。→</s>"
    assert way.places(trace, "decoder.norm")["t"][0] == "<s>"


def test_of_an_encoder_alone_a_row_is_its_token(make_trace: Any) -> None:
    trace = make_trace("encoder-only")
    assert way.places(trace, "logits")["t"][:2] == ("<2zh>", "un")


def test_of_a_lesson_rows_are_the_query_and_keys_its_tokens() -> None:
    trace = Lesson().run()
    assert way.places(trace, "attend.pattern") == {"t": ("q",), "s": ("x1", "x2", "x3")}
    assert way.places(trace, "encode.x")["s"] == ("x1", "x2", "x3")


@given(place=st.integers(-5, 400))
def test_a_cell_is_brought_into_the_range_of_every_step(trace: Trace, place: int) -> None:
    for path, kept in trace.items():
        found = way.cell(trace, path, dict.fromkeys("htsdkefvc", place))
        derivation(trace, path, found)
        for letter, size in zip(kept.axes.split(), kept.value.shape, strict=True):
            if letter not in "1G":
                assert found[letter.lower()] == min(max(place, 0), size - 1)


def test_what_is_not_asked_for_is_the_first_one(walk: Trace) -> None:
    for path, kept in walk.items():
        found = way.cell(walk, path, {})
        assert set(found.values()) <= {0}
        assert tuple(found) == tuple(x.lower() for x in kept.axes.split() if x != "1")


@pytest.mark.parametrize("head", range(-1, 8))
def test_keys_and_values_are_those_of_the_group_that_the_head_reads(
    trace: Trace, head: int
) -> None:
    for at in ("encoder.0.self", "decoder.1.cross"):
        group = min(max(head, 0), 5) // 2
        assert way.cell(trace, f"{at}.k", {"h": head})["g"] == group
        assert way.cell(trace, f"{at}.v", {"h": head, "g": 0})["g"] == group
