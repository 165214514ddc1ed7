"""The Steps page can show every step of every variant: formulas, sums, operands, code."""

import logging
from collections.abc import Iterator
from random import Random

import pytest
import torch

import attnviz
from attnviz.analysis import slice as slices
from attnviz.analysis.derivation import derivation
from attnviz.app import opened, step
from attnviz.app.place import Places, places
from attnviz.app.program import program
from attnviz.app.scene import Scene
from attnviz.app.text import text
from attnviz.attention.variant import Variant
from attnviz.trace import Trace

KEYS = torch.arange(6).expand(6, 6) != 2


def traces(variant: Variant) -> Iterator[tuple[str, Trace]]:
    """The variant on all keys, in English, and with one that is hidden, in Chinese."""
    make = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(1, 4, 6, 8, generator=make) for _ in "qkv")
    for language, mask in (("en", None), ("zh", KEYS)):
        yield language, attnviz.attend(variant.name, q, k, v, mask)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Streamlit logs that no page is there to draw on."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("variant", attnviz.variants().values(), ids=lambda v: v.name)
def test_every_step_can_be_shown(variant: Variant) -> None:
    for language, trace in traces(variant):
        words, scene = text(language), Scene(trace, ("trace = ...",), str)
        for path, kept in trace.items():
            letters = [x.lower() for x in kept.step.axes.split() if x != "1"]
            sizes = zip(letters, kept.value.shape, strict=False)
            found = derivation(trace, path, {x: Random(path).randrange(n) for x, n in sizes})
            names: Places = places(scene, path, found.at)
            assert step._head(words, found)
            assert step._formulas(words, found)
            opened.panel(words, found, names)
            slices.result(found, names.window)
            slices.parts(found, names.window)
            assert (program(["x"], trace, found) is None) == (found.node is None)
            assert found.follows, path
