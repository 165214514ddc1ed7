"""A switch changes the one attention it belongs to, from the step on that it switches."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch

import attnviz
from attnviz.app.switches import Switches
from attnviz.attention.parts import Parts
from attnviz.pretrained import Bundle
from attnviz.trace import Trace

SETTINGS: dict[str, tuple[dict[str, Any], str, set[str], set[str]]] = {
    "no scaling": ({"scaling": False}, "scores", {"scaled"}, set()),
    "late mask": ({"mask": "after"}, "masked", set(), {"unmasked"}),
    "no mask": ({"mask": "none"}, "masked", {"allowed"}, set()),
    "naive softmax": ({"softmax": "naive"}, "exp", {"max"}, set()),
    "temperature": ({"tau": 0.3}, "scores", set(), {"tempered"}),
    "no scaling, late mask": (
        {"scaling": False, "mask": "after"},
        "scores",
        {"scaled"},
        {"unmasked"},
    ),
    "all that fit": (
        {"scaling": False, "mask": "none", "softmax": "naive", "tau": 3.0},
        "scores",
        {"scaled", "allowed", "max"},
        {"tempered"},
    ),
}
"""What is switched, the first step that is another then, the steps that go and that come."""
HERE = "decoder.1.self"


@pytest.fixture(scope="module")
def wide(make_bundle: Callable[..., Bundle]) -> Bundle:
    return make_bundle(n_ctx=40)


def run(bundle: Bundle, switches: Switches | None = None) -> Trace:
    changes = {switches.attention: switches.parts()} if switches else {}
    return attnviz.run(bundle, "I like green tea", "我喜欢绿茶", to="zh", changes=changes)


@pytest.fixture(scope="module")
def base(wide: Bundle) -> Trace:
    return run(wide)


def own(trace: Trace, attention: str = HERE) -> set[str]:
    return {p.removeprefix(f"{attention}.") for p in trace if p.startswith(f"{attention}.")}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_step_before_the_switched_one_stays_to_the_last_bit(
    wide: Bundle, base: Trace, name: str
) -> None:
    values, first, gone, _ = SETTINGS[name]
    switched = run(wide, Switches(HERE, **values))
    paths = list(base)
    before = paths[: paths.index(f"{HERE}.{first}")]
    assert f"{HERE}.q" in before
    assert "encoder.1.self.pattern" in before
    for path in before:
        if path not in {f"{HERE}.{step}" for step in gone}:
            assert torch.equal(switched[path].value, base[path].value), path


@pytest.mark.parametrize("name", SETTINGS)
def test_the_switched_step_and_what_the_model_writes_are_others(
    wide: Bundle, base: Trace, name: str
) -> None:
    values, first, *_ = SETTINGS[name]
    switched = run(wide, Switches(HERE, **values))
    path = f"{HERE}.{first}"
    assert not torch.equal(switched[path].value, base[path].value)
    same = values == {"softmax": "naive"}
    for path in (f"{HERE}.pattern", f"{HERE}.z", "logits"):
        now, before = switched[path].value, base[path].value
        assert torch.allclose(now, before, atol=1e-5, rtol=1e-5) == same, path


@pytest.mark.parametrize("name", SETTINGS)
def test_steps_come_and_go_in_the_switched_attention_alone(
    wide: Bundle, base: Trace, name: str
) -> None:
    values, _, gone, come = SETTINGS[name]
    switched = run(wide, Switches(HERE, **values))
    assert own(base) - own(switched) == gone
    assert own(switched) - own(base) == come
    other = {path for path in base if not path.startswith(HERE)}
    assert {path for path in switched if not path.startswith(HERE)} == other
    assert all(switched[path].step == base[path].step for path in other)


@pytest.mark.parametrize("attention", ["encoder.0.self", "decoder.0.self", "decoder.1.cross"])
def test_a_switch_leaves_the_attentions_before_it_alone(
    wide: Bundle, base: Trace, attention: str
) -> None:
    switched = run(wide, Switches(attention, scaling=False))
    patterns = [path for path in base if path.endswith("pattern")]
    at = patterns.index(f"{attention}.pattern")
    for path in patterns[:at]:
        assert torch.equal(switched[path].value, base[path].value), path
    assert not torch.equal(switched[patterns[at]].value, base[patterns[at]].value)


def test_without_a_switch_there_is_nothing_to_put_in_place(wide: Bundle, base: Trace) -> None:
    off = Switches(HERE)
    assert off.parts() == Parts()
    assert off.variants == {}
    unchanged = run(wide, off)
    assert list(unchanged) == list(base)
    assert all(torch.equal(unchanged[path].value, base[path].value) for path in base)


def test_a_run_with_switches_leaves_the_model_as_it_was(wide: Bundle, base: Trace) -> None:
    run(wide, Switches(HERE, scaling=False, mask="after", tau=0.1))
    again = run(wide)
    assert all(torch.equal(again[path].value, base[path].value) for path in base)


@pytest.mark.parametrize(
    ("scaling", "mask", "softmax", "tau"),
    list(product((True, False), ("before", "after", "none"), ("stable", "naive"), (1.0, 0.01))),
)
def test_any_switches_go_together(scaling: bool, mask: str, softmax: str, tau: float) -> None:
    parts = Switches(HERE, scaling, mask, softmax, tau).parts()
    assert (parts.score is not None) == (not scaling)
    assert (parts.bias is not None) == (tau != 1)
    assert (parts.allow is not None) == (mask != "before")
    assert (parts.normalize is not None) == (mask == "after" or softmax == "naive")
    assert parts.place is None


def test_a_late_mask_has_a_softmax_of_its_own() -> None:
    late, both = Switches(HERE, mask="after"), Switches(HERE, mask="after", softmax="naive")
    assert late.variants == both.variants == {"late_mask": {}}
    assert late.parts() == both.parts()


def test_a_temperature_out_of_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="tau goes from"):
        Switches(HERE, tau=0.0).parts()
