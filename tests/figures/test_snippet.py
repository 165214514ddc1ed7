"""The program that is shown computes the number that is shown: every one is run."""

import contextlib
import io
import math
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnviz
from attnviz import rule
from attnviz.analysis.derivation import Derivation, derivation
from attnviz.app.program import program, run_lines
from attnviz.app.session import Request
from attnviz.app.switches import Switches
from attnviz.figures.snippet import snippet
from attnviz.model.decision import Decision
from attnviz.pretrained import Bundle
from attnviz.textbook import Lesson, Scoring
from attnviz.trace import Trace

ROOT = Path(__file__).parents[2]
TEXT = 'It\'s "green" tea.'
EVERY = Switches("decoder.1.self", scaling=False, mask="none", softmax="naive", tau=0.7)
DECISION = Decision(temperature=0.7, top_k=9, top_p=0.8)
REQUEST = Request("en-zh", TEXT, "", "zh", EVERY, DECISION)


def printed(code: str, **given: Any) -> list[float]:
    """What a program prints, run with the names that are `given`."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "shown", "exec"), given)
    return [float(line) for line in out.getvalue().split()]


def cell(trace: Trace, path: str) -> Derivation:
    kept = trace[path]
    letters = [x.lower() for x in kept.step.axes.split() if x != "1"]
    sizes = zip(letters, kept.value.shape, strict=False)
    return derivation(trace, path, {x: random.Random(path + x).randrange(n) for x, n in sizes})


def check(code: str, found: Derivation, **given: Any) -> None:
    """It prints the number that the page shows, to four digits, and the recorded one."""
    value, recorded = printed(code, **given)
    assert value == float(f"{found.found:#.4g}"), f"{found.kept.path}\n{code}"
    assert recorded == found.found


def test_the_program_of_every_step_prints_the_number_that_is_shown(walk: Trace) -> None:
    for path in walk:
        found = cell(walk, path)
        code = program(["trace = given"], walk, found)
        assert (code is None) == (not walk[path].step.rule)
        if code:
            check(code, found, given=walk)


def test_a_program_has_at_most_twenty_lines_whatever_is_switched(bundle: Bundle) -> None:
    changes = {EVERY.attention: EVERY.parts()}
    trace = attnviz.run(bundle, TEXT, "我", to="zh", changes=changes, decision=DECISION)
    codes = {path: program(run_lines(REQUEST), trace, cell(trace, path)) for path in trace}
    lengths = {path: len(code.splitlines()) for path, code in codes.items() if code}
    assert {path: n for path, n in lengths.items() if n > 20} == {}


@pytest.mark.parametrize("scoring", get_args(Scoring))
def test_the_program_of_a_lesson_needs_nothing_else(lesson: Lesson, scoring: Scoring) -> None:
    shown = Lesson(**{**vars(lesson), "scoring": scoring})
    trace = shown.run()
    lines = ["from attnviz.textbook import Lesson", f"trace = {shown!r}.run()"]
    for path in trace:
        found = cell(trace, path)
        if code := program(lines, trace, found):
            assert len(code.splitlines()) <= 20
            check(code, found)


def test_the_program_of_a_switched_run_reads_the_steps_that_came() -> None:
    q, k, v = torch.randn(3, 1, 2, 4, 3, generator=torch.Generator().manual_seed(0)).double()
    trace = attnviz.attend("temperature", q, k, v, tau=0.4)
    found = derivation(trace, "tempered", {"h": 1, "t": 2, "s": 3})
    code = program(["trace = given"], trace, found)
    assert code is not None
    assert "temperature = 0.4" in code
    check(code, found, given=trace)


def test_the_lines_of_a_plain_request_load_and_run() -> None:
    assert run_lines(Request("en-zh", TEXT, "", None)) == [
        'bundle = attnviz.load("en-zh")',
        f"trace = attnviz.run(bundle, {TEXT!r})",
    ]
    forced = run_lines(Request("en-zh", TEXT, "我", "zh"))
    assert forced[-1] == f"trace = attnviz.run(bundle, {TEXT!r}, '我', to=\"zh\")"


@pytest.mark.parametrize("name", list(attnviz.variants()))
def test_the_program_of_every_step_of_a_variant_prints_the_number_that_is_shown(name: str) -> None:
    make = torch.Generator().manual_seed(2)
    n_queries = 7 if attnviz.variants()[name].properties.square else 5
    shapes = ((1, 4, n_queries, 6), (1, 4, 7, 6), (1, 4, 7, 6))
    trace = attnviz.attend(name, *(torch.randn(*x, generator=make).double() for x in shapes))
    for path in trace:
        found = cell(trace, path)
        if code := program(["trace = given"], trace, found):
            value, recorded = printed(code, given=trace)
            assert value == pytest.approx(found.found, rel=1e-3, abs=1e-12, nan_ok=True), code
            assert recorded == found.found or math.isnan(recorded)


# rules that no model here has

ARRAYS = {
    "X": torch.tensor([1.5, -2.0, 0.25, 3.0]).double(),
    "Y": torch.tensor([0.5, 4.0, -1.0]).double(),
    "W": torch.arange(12.0).reshape(4, 3).double() / 7 - 0.6,
    "V": torch.tensor([2.0, -0.125]).double(),
    "size": 3.0,
}


@pytest.mark.parametrize(
    "text",
    [
        "sum(d, X[d] * W[d, e])",
        "sum(e, Y[e] * W[d, e])",
        "sum(d, e, X[d] * W[d, e] * Y[e])",
        "sum(d, e, W[d, e] * X[d])",
        "sum(d, e, X[d] * Y[e])",
        "sum(d, X[d] / sqrt(size))",
        "sum(d, where(d < 2, X[d], 0))",
        "sum(d, d * X[d])",
        "mean(d, exp(-X[d]))",
        "sum(d, where(X[d] > 0, 1, 0))",
        "max(d, relu(X[d]))",
        "argmax(e, Y[e] + W[d, e])",
        "sum(d, X[d] * sum(e, Y[e]))",
        "sum(e, Y[e] * sum(d, X[d]))",
        "sum(d, X[d] * sum(e, W[d, e] * Y[e]))",
        "sum(e, Y[e] / sum(d, exp(W[d, e])))",
        "sum(d, exp(X[d] - max(e, W[d, e])))",
        "max(d, X[d] * mean(e, W[d, e]))",
        "mean(e, abs(max(d, W[d, e]) - Y[e]))",
        "sum(d, sqrt(sum(e, W[d, e] ** 2)))",
        "sum(d, X[d] * argmax(e, W[d, e]))",
        "argmax(d, sum(e, W[d, e] * Y[e]))",
        "sum(d, e, W[d, e] * sum(f, V[f] * f))",
        "sum(d, X[d] * sum(e, f, W[d, e] * V[f]))",
        "sum(d, X[d] * sum(e, W[d, e] * sum(f, V[f] * Y[e])))",
        "sum(d, X[d]) * sum(e, Y[e]) + max(f, V[f])",
        "sum(d, X[d] * sum(e, Y[e])) / sum(f, V[f] * mean(e, Y[e]))",
        "sum(d, where(sum(e, W[d, e]) > 0, X[d], -1))",
        "sum(d, X[d] * sum(e, where(e <= d, Y[e], 0)))",
        "sum(d, where(size > 2, X[d], 0))",
        "sum(d, where(size < 2, X[d], W[d, 0]))",
        "sum(d, where(e == 1, X[d], 0) + W[d, e])",
        "sum(d, where(X[d] > 0, sum(e, Y[e]), size))",
        "sum(d, sigmoid(X[d]) + sign(X[d]) * floor(X[d]))",
        "sum(d, minimum(X[d], 1) * maximum(size, X[d]))",
        "sum(d, minimum(d, 2) * abs(X[d]))",
        "sum(d, X[d] * sigmoid(sum(e, Y[e])))",
        "sum(d, X[d] * exp(-sum(e, abs(Y[e]))))",
        "sigmoid(sum(d, X[d])) * floor(size / 2)",
        "sigmoid(size) + relu(-size) + sign(size) * abs(-size)",
        "sigmoid(d - e) + relu(e - d) + sign(-d)",
        "relu(size - e) * sigmoid(X[d])",
        "minimum(maximum(d, size), X[d]) + floor(X[d])",
    ],
)
def test_the_program_of_a_sum_adds_what_the_rule_adds(text: str) -> None:
    node = rule.parse(text)
    summed = {x for n in rule.walk(node) if isinstance(n, rule.Reduce) for x in n.letters}
    at = {letter: place for letter, place in (("d", 2), ("e", 1)) if letter not in summed}
    expected = float(rule.value(node, at, {k: np.asarray(v) for k, v in ARRAYS.items()}))
    sources = {name: f"given[{name!r}]" for name in rule.operands(node)}
    trace = {"x": SimpleNamespace(value=torch.zeros((4,) * len(at)))}
    sizes = dict(zip("def", (*np.shape(ARRAYS["W"]), 2), strict=True))
    code = snippet(["trace = stub"], node, sources, at, "x", sizes)
    value, _ = printed(code, given=ARRAYS, stub=trace)
    assert value == float(f"{expected:#.4g}")


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sign = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", "=="])
    function = st.sampled_from(["-", "tanh", "abs", "floor", "sign", "relu", "sigmoid"])
    bound = st.sampled_from(["minimum", "maximum"])
    return (
        st.tuples(inner, sign, inner).map(lambda x: f"({x[0]}) {x[1]} ({x[2]})")
        | st.tuples(function, inner).map(lambda x: f"{x[0]}({x[1]})")
        | st.tuples(bound, inner, inner).map(lambda x: f"{x[0]}({x[1]}, {x[2]})")
        | st.tuples(inner, inner, inner).map(lambda x: f"where({x[0]}, {x[1]}, {x[2]})")
    )


rules = st.recursive(st.sampled_from(["t", "2", "0.25", "aa", "bb"]), joined, max_leaves=6)
values = st.sampled_from([-2.5, -1.0, 0.0, 0.125, 1.0, 3.0])


@settings(max_examples=150)
@given(text=rules, a=values, b=values)
def test_any_rule_of_numbers_means_the_same_in_python(text: str, a: float, b: float) -> None:
    node = rule.parse(text)
    expected = float(rule.value(node, {"t": 1}, {"aa": np.asarray(a), "bb": np.asarray(b)}))
    code = snippet([], node, {"aa": repr(a), "bb": repr(b)}, {"t": 1}, "x", {})
    try:
        value, _ = printed(code, trace={"x": SimpleNamespace(value=torch.zeros(2))})
    except (OverflowError, ZeroDivisionError):
        return
    except (TypeError, NotImplementedError) as error:  # a complex number is no float
        if "complex" not in str(error):
            raise
        return
    assert value == float(f"{expected:#.4g}") or not math.isfinite(expected)


# as it stands on the page


def test_programs_run_as_they_are_printed(en_zh: Bundle) -> None:
    late = Switches("decoder.2.self", mask="after")
    asked = [
        (Request("en-zh", TEXT, "", None), "decoder.1.cross.z"),
        (Request("en-zh", "我喜欢喝茶。", "", "en", decision=DECISION), "final"),
        (Request("en-zh", TEXT, "", "zh", late), "decoder.2.self.pattern"),
    ]
    codes, expected = [], []
    for request, path in asked:
        trace = attnviz.run(en_zh, request.text, to=request.to)
        changes = {late.attention: late.parts()} if request.switches else {}
        more: dict[str, Any] = {"changes": changes, "decision": request.decision}
        trace = attnviz.run(en_zh, request.text, trace, to=request.to, **more)
        found = derivation(trace, path, dict.fromkeys("hte", 1) | {"s": 0, "v": 5})
        codes.append(program(run_lines(request), trace, found))
        expected += [found.found, found.found]
    each_alone = "import sys\nfor code in sys.argv[1:]: exec(code, {})"
    one_core = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-c", each_alone, *codes]
    out = subprocess.run(
        command, cwd=ROOT, env=one_core, check=True, capture_output=True, text=True
    ).stdout
    assert [float(line) for line in out.split()] == pytest.approx(expected, rel=1e-3)
