"""What every variant promises, whatever it computes: one test for each promise, over all."""

import ast
import importlib
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

import attnviz
from attnviz import rule
from attnviz.analysis import derivation
from attnviz.app.text import text
from attnviz.attention import catalogue
from attnviz.attention.core import STANDARD
from attnviz.attention.core import attend as path
from attnviz.attention.parameter import Inputs, Option, Parameter
from attnviz.attention.parts import over
from attnviz.attention.variant import Variant
from attnviz.error import InputError
from attnviz.recorder import SILENT, Recorder, Step
from attnviz.trace import Trace

ALL = list(attnviz.variants().values())
every = pytest.mark.parametrize("variant", ALL, ids=lambda variant: variant.name)
fast = settings(max_examples=8, suppress_health_check=[HealthCheck.differing_executors])
B, H, S, K = 2, 4, 7, 8
EXACT: dict[str, Any] = {"atol": 1e-10, "rtol": 1e-10}
TESTS = Path(__file__).parent / "oracles"


def qkv(variant: Variant, seed: int = 0, b: int = B, t: int = 5, scale: float = 1.0):
    """Inputs that the variant takes: as many queries as keys where it must be so, values of another
    width than the keys where they may have it."""
    t = S if variant.properties.square else t
    e = K if variant.properties.same_width else 6
    make = torch.Generator().manual_seed(seed)
    shapes = ((b, H, t, K), (b, H, S, K), (b, H, S, e))
    q, k, v = (torch.randn(*x, dtype=torch.float64, generator=make) for x in shapes)
    return q * scale, k * scale, v


def causal(t: int, s: int = S) -> Tensor:
    return torch.ones(t, s, dtype=torch.bool).tril(s - t)


def z(
    variant: Variant,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    rec: Recorder = SILENT,
):
    parts = over(STANDARD, variant.build(Inputs.of(q, k, v)))
    return path(q, k, v, mask, parts, rec)


def attend(variant: Variant, *inputs: Any, **parameters: Any) -> Trace:
    return attnviz.attend(variant.name, *inputs, **parameters)


def runs(variant: Variant) -> tuple[Trace, ...]:
    """The variant by itself, and under each kind of mask that it takes; every option once."""
    return _runs(variant.name)


@cache
def _runs(name: str) -> tuple[Trace, ...]:
    variant = attnviz.variants()[name]
    q, k, v = qkv(variant)
    keys = (torch.arange(S) != 3).expand(q.shape[2], S)
    masks: list[Tensor | None] = [None, keys]
    if variant.properties.maskable:
        masks += [causal(q.shape[2]), causal(q.shape[2]) & keys]
    found = [attend(variant, q, k, v, mask) for mask in masks]
    for name, knob in variant.parameters.items():
        for option in knob.options if isinstance(knob, Option) else ():
            found.append(attend(variant, q, k, v, **{name: option}))
    return tuple(found)


@every
def test_it_is_described_in_both_languages(variant: Variant) -> None:
    about = [variant.title, variant.words, *(k.meaning for k in variant.knobs.values())]
    about += [weight.meaning for weight in variant.weights.values()]
    for said in about:
        assert set(said) == {"en", "zh"}
        assert all(said.values())
    assert any(
        year.isdigit() and 1990 < int(year) < 2030
        for year in variant.paper.replace(",", " ").split()
    )
    assert variant.formula


@every
def test_its_oracle_has_a_test_of_that_name(variant: Variant) -> None:
    assert variant.oracle is not None
    assert 0 < variant.oracle.error <= 1e-4
    assert any(name.startswith(f"test_{variant.name}_matches_") for name in _oracle_tests())


@cache
def _oracle_tests() -> frozenset[str]:
    trees = (ast.parse(file.read_text("utf-8")) for file in TESTS.glob("test_*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef))


@every
def test_every_step_that_it_declares_is_kept(variant: Variant) -> None:
    kept = {step.step for trace in runs(variant) for step in trace.values()}
    for step in _declared(variant):
        assert step in kept, step.name


def _declared(variant: Variant) -> Iterator[Step]:
    """The steps that the variant's own file makes."""
    file = Path(attnviz.__file__).parent.parent / catalogue.code(variant.name)
    module = importlib.import_module(
        catalogue.code(variant.name).removesuffix(".py").replace("/", ".")
    )
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found = getattr(module, node.targets[0].id, None)
            if isinstance(found, Step) and isinstance(node.value, ast.Call):
                yield found


@every
def test_every_step_has_words_in_both_languages(variant: Variant) -> None:
    for trace in runs(variant):
        for name, kept in trace.items():
            if f"step-{name}" not in text("en"):
                assert set(kept.step.words) == {"en", "zh"}, name
            assert all(all(said) for said in kept.step.words.values())


@every
def test_every_step_follows_from_its_rule(variant: Variant) -> None:
    for trace in runs(variant):
        for name, kept in trace.items():
            if not kept.step.rule or name in ("q", "k", "v"):
                continue
            node = rule.parse(kept.step.rule)
            given = {
                n: x[0] if x.ndim and x.shape[0] == B and _batched(trace, kept, n) else x
                for n, x in derivation.operands(trace, kept).items()
            }
            letters = [x.lower() for x in kept.axes.removeprefix("B ").split() if x != "1"]
            value = kept.value[0].double().numpy()
            value = value.reshape(value.shape[: len(letters)])
            at = dict(zip(letters, np.indices(value.shape, sparse=True), strict=True))
            expected = np.broadcast_to(rule.value(node, at, given), value.shape)
            np.testing.assert_allclose(value, expected, atol=1e-9, rtol=1e-9, err_msg=name)


def _batched(trace: Trace, kept, name: str) -> bool:
    """Whether the operand is a step, which has a batch axis here."""
    return kept.inputs.get(name) in trace.steps


@every
def test_weights_are_between_zero_and_one_where_a_step_says_so(variant: Variant) -> None:
    for trace in runs(variant):
        for name, kept in trace.items():
            if kept.step.kind == "weight":
                found = kept.value.double()
                assert (found >= 0).all(), name
                assert (found <= 1 + 1e-9).all(), name


@st.composite
def _parameters(draw: st.DrawFn, variant: Variant) -> dict[str, Any]:
    """Values within the ranges, no larger than what a small input can tell apart."""
    found: dict[str, Any] = {}
    for name, knob in variant.knobs.items():
        if isinstance(knob, Option):
            found[name] = draw(st.sampled_from(knob.options))
            continue
        high = Inputs(
            {"B": B, "H": H, "G": H, "T": 5, "S": S, "K": K, "E": 6, "D": H * K, "C": S}
        ).number(knob.high)
        low, high = knob.low, max(knob.low, min(high, 12.0))
        if knob.whole:
            found[name] = draw(st.integers(int(low), int(high)))
        else:
            found[name] = draw(st.floats(low, high))
    return found


@every
@fast
@given(data=st.data(), seed=st.integers(0, 2**16), scale=st.floats(0.1, 3))
def test_its_properties_hold(
    variant: Variant, data: st.DataObject, seed: int, scale: float
) -> None:
    q, k, v = qkv(variant, seed=seed, scale=scale)
    try:
        trace = attend(variant, q, k, v, **data.draw(_parameters(variant)))
    except InputError:
        assume(False)
        return
    pattern, promised = trace["pattern"].value, variant.properties
    t = q.shape[2]
    assert pattern.shape == (B, H, t, S)
    assert pattern.isfinite().all()
    assert trace["z"].value.isfinite().all()
    sums = pattern.sum(-1)
    if promised.row_sum == "one":
        assert ((sums - 1).abs() < 1e-9).logical_or((pattern == 0).all(-1)).all()
    if promised.row_sum == "at most one":
        assert (sums <= 1 + 1e-9).all()
    if not promised.negative:
        assert (pattern >= 0).all()
    if promised.causal:
        assert (pattern[..., ~causal(t)] == 0).all()
    _agrees(trace)


def _agrees(trace: Trace) -> None:
    """The matrix times the values is the output, before anything that is done to it after."""
    values = trace["values" if "values" in trace else "v"].value
    out = trace["mixed" if "mixed" in trace else "z"].value
    pattern = trace["pattern"].value
    n_sharing = pattern.shape[1] // values.shape[1]
    values = values.repeat_interleave(n_sharing, dim=1)
    if "channels" in trace:
        channels = trace["channels"].value
        torch.testing.assert_close(channels.mean(-1), pattern, **EXACT)
        torch.testing.assert_close((channels * values[:, :, None]).sum(3), out, **EXACT)
    else:
        torch.testing.assert_close(pattern @ values, out, atol=1e-8, rtol=1e-8)


CASES = [(variant, limit) for variant in ALL for limit in variant.limits]


@pytest.mark.parametrize(
    ("variant", "limit"),
    CASES,
    ids=lambda x: getattr(x, "name", None) or f"{dict(x.given)}-{x.equals}",
)
@pytest.mark.parametrize("seed", range(3))
def test_its_limit_cases_are_the_other_variant(variant: Variant, limit, seed: int) -> None:
    other = catalogue.find(limit.equals)
    square = variant.properties.square or other.properties.square
    q, k, v = qkv(variant, seed, t=S if square else 5)
    sizes = Inputs.of(q, k, v)
    given, of = ({n: _said(sizes, x) for n, x in said.items()} for said in (limit.given, limit.of))
    found = attend(variant, q, k, v, **given)["pattern"].value
    expected = attnviz.attend(limit.equals, q, k, v, None, **of)["pattern"].value
    torch.testing.assert_close(found, expected, atol=limit.error, rtol=0)


def _said(inputs: Inputs, value: float | str) -> float | str:
    return value if value in ("half", "interleaved") else inputs.number(value)


@every
@pytest.mark.parametrize("cut", [2, 4])
def test_under_a_causal_mask_no_row_depends_on_a_later_token(variant: Variant, cut: int) -> None:
    if not (variant.properties.maskable or variant.properties.causal):
        pytest.skip("it takes no causal mask")
    q, k, v = qkv(variant, t=S)
    mask = None if variant.properties.causal else causal(S)
    others = q.clone(), k.clone(), v.clone()
    for x in others:
        x[:, :, cut:] = x[:, :, cut:] * -0.5 + 0.7
    before, after = z(variant, q, k, v, mask), z(variant, *others, mask=mask)
    torch.testing.assert_close(before[:, :, :cut], after[:, :, :cut], atol=1e-12, rtol=0)


@every
def test_a_row_stays_when_later_queries_are_added_unless_it_counts_its_place(
    variant: Variant,
) -> None:
    if variant.properties.placed or variant.properties.square:
        pytest.skip("its rows move when queries are added")
    q, k, v = qkv(variant)
    parts = over(STANDARD, variant.build(Inputs.of(q, k, v)))
    all_rows, first_rows = path(q, k, v, None, parts), path(q[:, :, :3], k, v, None, parts)
    torch.testing.assert_close(all_rows[:, :, :3], first_rows, atol=1e-12, rtol=0)


@every
def test_a_key_that_is_hidden_has_no_weight_and_no_influence(variant: Variant) -> None:
    q, k, v = qkv(variant)
    mask = (torch.arange(S) != 3).expand(q.shape[2], S)
    other_k, other_v = k.clone(), v.clone()
    other_k[:, :, 3] += 2
    other_v[:, :, 3] -= 5
    trace, other = attend(variant, q, k, v, mask), attend(variant, q, other_k, other_v, mask)
    assert (trace["pattern"].value[..., 3] == 0).all()
    torch.testing.assert_close(trace["z"].value, other["z"].value, atol=1e-12, rtol=0)


@every
def test_a_row_with_nothing_allowed_is_zero_and_noted(variant: Variant) -> None:
    q, k, v = qkv(variant)
    if not variant.properties.stable:
        pytest.skip("that a number is none is what it shows")
    mask = torch.ones(q.shape[2], S, dtype=torch.bool)
    mask[1] = False
    try:
        trace = attend(variant, q, k, v, mask)
    except InputError:
        mask[:] = False
        trace = attend(variant, q, k, v, mask)
    assert trace["pattern"].value.isfinite().all()
    assert (trace["pattern"].value[:, :, 1] == 0).all()
    assert (trace["z"].value[:, :, 1] == 0).all()
    assert trace.facts["notes"]


@every
def test_its_gradient_is_right(variant: Variant) -> None:
    if not variant.properties.differentiable:
        pytest.skip("it has jumps")
    q, k, v = (x.requires_grad_() for x in qkv(variant, b=1))
    parts = over(STANDARD, variant.build(Inputs.of(q, k, v)))
    make = torch.Generator().manual_seed(1)
    there = [torch.randn(x.shape, dtype=torch.float64, generator=make) for x in (q, k, v)]

    def along(step: Tensor) -> Tensor:
        a, b, c = (x.detach() + step * d for x, d in zip((q, k, v), there, strict=True))
        return path(a, b, c, None, parts)

    weights = torch.randn(along(torch.zeros(())).shape, dtype=torch.float64, generator=make)
    (path(q, k, v, None, parts) * weights).sum().backward()
    slope = sum(
        float((x.grad * d).sum())
        for x, d in zip((q, k, v), there, strict=True)
        if x.grad is not None
    )
    h = 1e-6
    ahead, behind = ((along(torch.tensor(s, dtype=torch.float64)) * weights).sum() for s in (h, -h))
    assert slope == pytest.approx(float(ahead - behind) / (2 * h), rel=1e-5, abs=1e-6)


@every
def test_recording_changes_no_bit(variant: Variant) -> None:
    q, k, v = qkv(variant)
    rec = Recorder()
    assert torch.equal(z(variant, q, k, v, rec=rec), z(variant, q, k, v))
    assert torch.equal(rec.kept()["z"].value, z(variant, q, k, v))


@every
def test_a_batch_is_its_members(variant: Variant) -> None:
    q, k, v = qkv(variant)
    both = z(variant, q, k, v)
    for i in range(B):
        torch.testing.assert_close(
            z(variant, q[i : i + 1], k[i : i + 1], v[i : i + 1]),
            both[i : i + 1],
            atol=1e-12,
            rtol=0,
        )


@every
def test_a_head_is_its_own_unless_heads_speak_to_each_other(variant: Variant) -> None:
    q, k, v = qkv(variant)
    before, reaches = z(variant, q, k, v), False
    for n in range(H):
        others = q.clone(), k.clone(), v.clone()
        for x in others:
            x[:, n] += 1
        after = z(variant, *others)
        pairs = zip(before.unbind(1), after.unbind(1), strict=True)
        changed = [not torch.allclose(a, b, atol=1e-12, rtol=0) for a, b in pairs]
        assert changed[n]
        reaches |= any(changed[:n] + changed[n + 1 :])
    assert reaches == variant.properties.mixes_heads


@every
def test_float32_is_near_float64(variant: Variant) -> None:
    q, k, v = qkv(variant)
    single, double = z(variant, q.float(), k.float(), v.float()), z(variant, q, k, v)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, atol=2e-3, rtol=2e-3)


@every
def test_its_cost_is_a_number_for_every_length_and_grows(variant: Variant) -> None:
    numbers = {n: x for n, x in _defaults(variant).items() if isinstance(x, int | float)}
    found = []
    for n in (16, 256, 4096, 65536, 1048576):
        sizes = {"B": 1, "H": 8, "G": 8, "T": n, "S": n, "K": 64, "E": 64, "D": 512, "C": n}
        cost = variant.cost.of(sizes, **numbers)
        assert all(math.isfinite(x) and x >= 0 for x in cost)
        assert cost[0] > 0
        found.append(cost[0])
    assert found == sorted(found)


def _defaults(variant: Variant) -> dict[str, Any]:
    return variant.values(Inputs.of(*qkv(variant)))


@every
def test_a_parameter_out_of_its_range_is_refused_by_name_and_range(variant: Variant) -> None:
    q, k, v = qkv(variant)
    for name, knob in variant.knobs.items():
        wrong = "no such way" if isinstance(knob, Option) else knob.low - 1
        expected = knob.options[0] if isinstance(knob, Option) else f"{knob.low:g} to "
        with pytest.raises(InputError, match=f"{name} .*{expected}"):
            attend(variant, q, k, v, **{name: wrong})
        if isinstance(knob, Parameter):
            with pytest.raises(InputError, match=name):
                attend(variant, q, k, v, **{name: math.nan})
