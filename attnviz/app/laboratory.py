"""Any variant on any vectors: computed once, measured once, kept."""

import time
from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

import attnviz
from attnviz.analysis.comparison import Change, Measures, change, measures
from attnviz.app.spec import Chosen
from attnviz.app.vectors import Source, vectors
from attnviz.attention.parameter import Inputs
from attnviz.error import InputError
from attnviz.trace import Trace

LENGTHS = (16, 32, 64, 128, 256)
"""Tokens at which a variant is timed."""


@dataclass(frozen=True, eq=False)
class Result:
    """One variant on the vectors of one head: its weights TS, its output TE and their measures; or
    the problem that kept it from being computed."""

    chosen: Chosen
    pattern_TS: Tensor | None = None
    z_TE: Tensor | None = None
    measures: Measures | None = None
    problem: InputError | None = None


def attended(source: Source, chosen: Chosen) -> Trace:
    """The variant on all heads of the source's vectors. Raises InputError where it cannot be."""
    given = vectors(source)
    return attnviz.attend(chosen.name, given.q, given.k, given.v, given.mask, **dict(chosen.values))


@st.cache_resource(max_entries=512, show_spinner=False)
def result(source: Source, chosen: Chosen, head: int) -> Result:
    """The variant on one head."""
    try:
        trace = attended(source, chosen)
    except InputError as problem:
        return Result(chosen, problem=problem.with_traceback(None))
    pattern_TS = trace["pattern"].value[head]
    return Result(chosen, pattern_TS, trace["z"].value[head], measures(pattern_TS))


@st.cache_resource(max_entries=512, show_spinner=False)
def changed(source: Source, chosen: Chosen, reference: Chosen, head: int) -> Change | None:
    """How far one is from the other; None where either could not be computed."""
    ours, theirs = (result(source, one, head) for one in (chosen, reference))
    if ours.pattern_TS is None or theirs.pattern_TS is None:
        return None
    assert ours.z_TE is not None
    assert theirs.z_TE is not None
    return change(ours.pattern_TS, ours.z_TE, theirs.pattern_TS, theirs.z_TE)


def inputs(source: Source) -> Inputs:
    """The sizes that a variant's parameters may depend on."""
    given = vectors(source)
    return Inputs.of(given.q, given.k, given.v)


@st.cache_resource(max_entries=128, show_spinner=False)
def timed(chosen: Chosen, heads: int, width: int) -> tuple[tuple[int, float], ...]:
    """Tokens and seconds of one pass of attnviz's own code for each of LENGTHS, the best of three;
    the lengths that the variant takes."""
    found = []
    for n in LENGTHS:
        make = torch.Generator().manual_seed(n)
        q, k, v = (torch.randn(1, heads, n, width, generator=make) for _ in "qkv")
        try:
            times = [_seconds(chosen, q, k, v) for _ in range(3)]
        except InputError:
            continue
        found.append((n, min(times)))
    return tuple(found)


def _seconds(chosen: Chosen, q: Tensor, k: Tensor, v: Tensor) -> float:
    start = time.perf_counter()
    attnviz.attend(chosen.name, q, k, v, None, **dict(chosen.values))
    return time.perf_counter() - start
