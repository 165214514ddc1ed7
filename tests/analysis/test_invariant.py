"""What must hold of an attention holds of an untouched model, and each switch breaks what it must
and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

import attnviz
from attnviz.analysis.invariant import Check, checks
from attnviz.app.switches import Switches
from attnviz.attention.parts import over
from attnviz.pretrained import Bundle
from attnviz.trace import Trace

ATTENTIONS = {"encoder.0.self": False, "decoder.1.self": True, "decoder.1.cross": False}
"""Which of the attentions are causal."""


@pytest.fixture(scope="module", params=[torch.float32, torch.float64], ids=str)
def wide(request: pytest.FixtureRequest, make_bundle: Callable[..., Bundle]) -> Bundle:
    bundle = make_bundle(n_ctx=40, d_model=24, n_heads=6, n_kv_heads=2)
    bundle.model.to(request.param)  # type: ignore[attr-defined]
    return bundle


def checked(bundle: Bundle, attention: str, **switched: Any) -> dict[str, Check]:
    """The checks of a run, by their codes."""
    new = Switches(attention, **switched).parts()
    changes = {attention: new} if switched else {}
    trace = attnviz.run(bundle, "I like green tea", "我喜欢绿茶", to="zh", changes=changes)
    parts = over(bundle.model.parts(attention), new)
    return {c.code: c for c in checks(trace, attention, parts, ATTENTIONS[attention])}


def broken(found: dict[str, Check]) -> set[str]:
    return {code for code, check in found.items() if not check.holds}


def _named(value: object) -> str:
    """The same name in every process: a set has no order."""
    return str(sorted(value) if isinstance(value, set) else value)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_all_holds_of_an_untouched_model(wide: Bundle, attention: str) -> None:
    found = checked(wide, attention)
    causal = {"masked", "leak"} if ATTENTIONS[attention] else set()
    assert set(found) == {"rows", "kernel"} | causal
    assert broken(found) == set()


@pytest.mark.parametrize(
    ("switched", "expected"),
    [
        ({"scaling": False}, {"kernel"}),
        ({"tau": 0.3}, {"kernel"}),
        ({"softmax": "naive"}, set()),
        ({"mask": "after"}, {"rows", "leak", "kernel"}),
        ({"mask": "none"}, {"masked", "leak", "kernel"}),
        ({"mask": "none", "scaling": False, "tau": 2.0}, {"masked", "leak", "kernel"}),
        ({"mask": "after", "tau": 0.5}, {"rows", "leak", "kernel"}),
    ],
    ids=_named,
)
def test_a_switch_breaks_what_it_must_and_nothing_else(
    wide: Bundle, switched: dict[str, Any], expected: set[str]
) -> None:
    assert broken(checked(wide, "decoder.1.self", **switched)) == expected


@pytest.mark.parametrize("attention", ["encoder.0.self", "decoder.1.cross"])
@pytest.mark.parametrize("switched", [{"scaling": False}, {"tau": 0.3}], ids=str)
def test_without_a_mask_another_scale_breaks_the_kernel_alone(
    wide: Bundle, attention: str, switched: dict[str, Any]
) -> None:
    assert broken(checked(wide, attention, **switched)) == {"kernel"}


def changed(trace: Trace, **values: torch.Tensor) -> Trace:
    steps = dict(trace.steps)
    for name, value in values.items():
        path = f"decoder.1.self.{name}"
        steps[path] = replace(trace[path], found=value)
    return replace(trace, steps=steps)


def test_what_is_said_is_the_largest_violation_of_all_rows(wide: Bundle) -> None:
    trace = attnviz.run(wide, "I like green tea", "我喜欢绿茶", to="zh")
    pattern = trace["decoder.1.self.pattern"].value.clone()
    pattern[4, 2, 0] += 0.25
    pattern[3, 1, 4] = 0.125
    parts = wide.model.parts("decoder.1.self")
    found = {
        c.code: c for c in checks(changed(trace, pattern=pattern), "decoder.1.self", parts, True)
    }
    assert found["rows"].value == pytest.approx(0.25, abs=1e-6)
    assert found["masked"].value == 0.125
    assert broken(found) == {"rows", "masked"}


def test_a_row_that_is_no_number_breaks_what_it_is_part_of(wide: Bundle) -> None:
    trace = attnviz.run(wide, "I like green tea", "我喜欢绿茶", to="zh")
    pattern = trace["decoder.1.self.pattern"].value.clone()
    pattern[0, 1] = torch.nan
    z = torch.full_like(trace["decoder.1.self.z"].value, torch.nan)
    parts = wide.model.parts("decoder.1.self")
    found = {
        c.code: c
        for c in checks(changed(trace, pattern=pattern, z=z), "decoder.1.self", parts, True)
    }
    assert found["rows"].value == found["masked"].value == found["kernel"].value == torch.inf
    assert broken(found) == {"rows", "masked", "kernel"}


def test_an_output_that_is_off_in_one_place_is_found_by_torchs_kernel(wide: Bundle) -> None:
    trace = attnviz.run(wide, "I like green tea", "我喜欢绿茶", to="zh")
    z = trace["decoder.1.self.z"].value.clone()
    z[5, 3, 2] -= 0.5
    parts = wide.model.parts("decoder.1.self")
    found = {c.code: c for c in checks(changed(trace, z=z), "decoder.1.self", parts, True)}
    assert found["kernel"].value == pytest.approx(0.5, abs=1e-5)
    assert broken(found) == {"kernel"}


def test_one_token_has_no_future_to_leak(wide: Bundle) -> None:
    trace = attnviz.run(wide, "I", attnviz.run(wide, "I", "我"), to="zh")
    assert trace.target is not None
    single = replace(
        trace,
        steps={
            path: replace(
                kept, found=kept.value[:, :1, :1] if "pattern" in path else kept.value[:, :1]
            )
            for path, kept in trace.items()
            if path.startswith("decoder.1.self") and kept.value.ndim == 3
        },
    )
    found = checks(single, "decoder.1.self", wide.model.parts("decoder.1.self"), True)
    assert {c.code: c.value for c in found}["leak"] == 0
