"""The textbook attention, number by number: against loops on paper; and its numbers as text."""

import math
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnviz.textbook import Activation, Lesson, Scoring, shapes
from attnviz.trace import Trace

Vector = list[float]
EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}


def dot(a: Any, b: Any) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def activated(x: float, activation: Activation) -> float:
    return {"tanh": math.tanh(x), "relu": x if x > 0 else 0.0, "none": x}[activation]


def mapped(lesson: Lesson, given: Any, which: str) -> Vector:
    """What becomes of a token ("E") or of the query ("Q")."""
    rows, bias = getattr(lesson, f"W_{which}"), getattr(lesson, f"b_{which}")
    linear = [
        dot(row, given) + (b if lesson.bias else 0) for row, b in zip(rows, bias, strict=True)
    ]
    return [activated(x, lesson.activation) for x in linear]


def score(lesson: Lesson, query: Vector, key: Vector) -> float:
    if lesson.scoring == "additive":
        return dot(lesson.v, [math.tanh(k + q) for k, q in zip(key, query, strict=True)])
    if lesson.scoring == "bilinear":
        return dot(key, [dot(row, query) for row in lesson.M])
    return dot(query, key) / (math.sqrt(len(key)) if lesson.scoring == "scaled_dot" else 1)


def softmax(values: Vector) -> Vector:
    total = math.fsum(map(math.exp, values))
    return [math.exp(x) / total for x in values]


def on_paper(lesson: Lesson) -> dict[str, Any]:
    keys = [mapped(lesson, x, "E") for x in lesson.x]
    query = mapped(lesson, lesson.q, "Q")
    scores = [score(lesson, query, key) for key in keys]
    pattern = softmax(scores)
    mixed = [dot(pattern, column) for column in zip(*lesson.x, strict=True)]
    b_C = lesson.b_C if lesson.bias else (0, 0)
    logits = [dot(row, mixed) + b for row, b in zip(lesson.W_C, b_C, strict=True)]
    return {
        **{"encode.e": keys, "query.prime": query, "attend.scores": scores},
        **{"attend.pattern": pattern, "attend.z": mixed, "classify.logits": logits},
        "classify.probs": softmax(logits),
    }


def check(lesson: Lesson) -> None:
    trace = lesson.run()
    for path, expected in on_paper(lesson).items():
        found = trace[path].value.numpy().squeeze()
        np.testing.assert_allclose(found, np.squeeze(expected), **EXACT, err_msg=path)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", get_args(Activation))
@pytest.mark.parametrize("scoring", get_args(Scoring))
def test_every_scoring_gives_the_numbers_on_paper(
    lesson: Lesson, scoring: Scoring, activation: Activation, bias: bool
) -> None:
    check(replace(lesson, scoring=scoring, activation=activation, bias=bias))
    check(Lesson(scoring=scoring, activation=activation, bias=bias))


def test_without_a_bias_no_step_was_made_of_one(lesson: Lesson) -> None:
    trace = replace(lesson, bias=False).run()
    assert not any(str(i).startswith("b_") for kept in trace.values() for i in kept.inputs.values())
    assert not any("b_C" in kept.step.formula + kept.step.rule for kept in trace.values())


def test_a_lesson_is_computed_in_float64_and_names_its_tokens(lesson: Lesson) -> None:
    trace = lesson.run()
    assert {kept.value.dtype for kept in trace.values()} == {torch.float64}
    assert trace.source is not None
    assert trace.target is not None
    assert trace.source.text == "x1 x2 x3 x4"
    assert trace.target.text == "q"
    assert trace.facts["dtype"] == "float64"


def test_two_runs_are_the_same_to_the_last_bit(lesson: Lesson) -> None:
    first, second = lesson.run(), lesson.run()
    assert list(first) == list(second)
    assert all(torch.equal(first[path].value, second[path].value) for path in first)


def test_the_weights_of_a_trace_are_the_lessons_numbers(lesson: Lesson) -> None:
    trace: Trace = lesson.run()
    for name, shape in shapes(4, 3).items():
        assert tuple(trace.weights[name].shape) == shape
        assert trace.weights[name].tolist() == np.array(getattr(lesson, name)).tolist()


sizes = st.integers(2, 4)


@given(n=sizes, d=sizes)
def test_a_resized_lesson_keeps_what_fits_and_is_the_identity_elsewhere(n: int, d: int) -> None:
    old = Lesson()
    new = old.resized(n, d)
    assert (len(new.x), len(new.q)) == (n, d)
    for name, shape in shapes(n, d).items():
        before, after = np.array(getattr(old, name)), np.array(getattr(new, name))
        assert after.shape == shape
        for place in np.ndindex(shape):
            fits = all(i < size for i, size in zip(place, before.shape, strict=True))
            added = float(len(place) == 2 and place[0] == place[1])
            assert after[place] == (before[place] if fits else added), (name, place)
    assert (new.scoring, new.activation, new.bias) == (old.scoring, old.activation, old.bias)


@given(n=sizes, d=sizes)
def test_a_lesson_of_any_size_runs(n: int, d: int) -> None:
    check(Lesson(scoring="bilinear").resized(n, d))


def test_a_larger_lesson_made_small_again_is_as_it_was(lesson: Lesson) -> None:
    assert Lesson().resized(4, 4).resized(3, 2) == Lesson()
    assert lesson.resized(4, 3) == lesson


@pytest.mark.parametrize(("n", "d"), [(1, 2), (5, 2), (3, 1), (3, 5), (0, 0)])
def test_a_size_that_no_lesson_has_is_refused(n: int, d: int) -> None:
    with pytest.raises(ValueError, match=f"not {n} of width {d}"):
        Lesson().resized(n, d)


finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def lessons(draw: st.DrawFn) -> Lesson:
    n, d = draw(sizes), draw(sizes)
    changes: dict[str, Any] = {}
    for name in draw(st.sets(st.sampled_from(list(shapes(n, d))))):
        *rows, width = shapes(n, d)[name]
        vectors = [
            tuple(draw(st.lists(finite, min_size=width, max_size=width)))
            for _ in range(*rows or [1])
        ]
        changes[name] = tuple(vectors) if rows else vectors[0]
    choices = {
        "scoring": draw(st.sampled_from(get_args(Scoring))),
        "activation": draw(st.sampled_from(get_args(Activation))),
        "bias": draw(st.booleans()),
    }
    return replace(Lesson().resized(n, d), **changes, **choices)


@given(lessons())
def test_a_lesson_written_and_read_is_the_same(lesson: Lesson) -> None:
    assert Lesson.from_text(lesson.to_text()) == lesson


def test_the_default_lesson_is_no_text_and_no_text_is_the_default_lesson() -> None:
    assert Lesson().to_text() == ""
    assert Lesson.from_text("") == Lesson()


def test_only_what_differs_is_written() -> None:
    assert replace(Lesson(), q=(1.0, 2.0), bias=False).to_text() == '{"q":[1.0,2.0],"bias":false}'


BAD = (
    *("{", "[]", "5", "null", "NaN", '"dot"', "[" * 20_000, '{"x":' + "[" * 20_000, "\x00"),
    *('{"x":null}', '{"x":"abc"}', '{"x":[]}', '{"x":[[1,2]]}', '{"x":[[1,2],[3]]}', '{"x":5}'),
    *('{"q":[1]}', '{"q":["a","b"]}', '{"q":[null,1]}', '{"q":[1,[2]]}', '{"q":{"a":1,"b":2}}'),
    *('{"q":[NaN,1]}', '{"q":[Infinity,1]}', '{"q":[1e999,1]}', '{"q":[1' + "0" * 400 + ",1]}"),
    *('{"W_E":[[1,2]]}', '{"W_C":[[1,2],[3,4],[5,6]]}', '{"b_C":[1]}', '{"M":[1,2]}', '{"v":3}'),
    *('{"scoring":"cosine"}', '{"scoring":["dot"]}', '{"scoring":{}}', '{"activation":null}'),
    *('{"bias":3}', '{"bias":"no"}', '{"bias":null}', '{"bias":[]}'),
)


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:30])
def test_a_text_that_is_no_lesson_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+"):
        Lesson.from_text(text)


@given(st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(str))
def test_any_text_at_all_is_a_lesson_or_is_refused(text: str) -> None:
    try:
        lesson = Lesson.from_text(text)
    except ValueError:
        return
    assert Lesson.from_text(lesson.to_text()) == lesson
