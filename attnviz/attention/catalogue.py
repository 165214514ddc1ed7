"""Every variant there is, found by its file, and `attend`: any of them on tensors of yours."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

import attnviz.attention as package
from attnviz.attention.core import KEY, STANDARD, VALUE, Q
from attnviz.attention.core import attend as path
from attnviz.attention.variant import Variant, over
from attnviz.recorder import Recorder
from attnviz.trace import Trace


@cache
def variants() -> Mapping[str, Variant]:
    """Name to declaration, of every file in a group of `attnviz.attention` that declares VARIANT.

    Raises ValueError where two files use one name."""
    found: dict[str, Variant] = {}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        group = module.name.removeprefix(f"{package.__name__}.")
        if "." not in group or module.ispkg:
            continue
        variant = getattr(importlib.import_module(module.name), "VARIANT", None)
        if variant is None:
            continue
        if variant.name in found:
            raise ValueError(f"two variants are called {variant.name!r}")
        found[variant.name] = variant
    return MappingProxyType(found)


def attend(
    name: str,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    **parameters: Any,
) -> Trace:
    """Run the variant `name` on q (B H T K), k (B G S K), v (B G S E); G divides H.

    `mask` (boolean, broadcast to B H T S) is True where attention is allowed. The trace's
    "pattern" is the T x S matrix of weights and "z" the mixed values; a batch of one is dropped.
    Raises ValueError for an unknown name or parameter, shapes or types that do not belong together,
    and numbers that are not finite.
    """
    if name not in variants():
        raise ValueError(f"there is no variant {name!r}; known are {', '.join(variants())}")
    parts = variants()[name].build(**parameters)
    _check(q, k, v, mask)
    q, k, v = q.clone(), k.clone(), v.clone()  # the trace stays true when the caller's change
    rec = Recorder()
    with torch.no_grad():
        for step, value in ((Q, q), (KEY, k), (VALUE, v)):
            rec.keep(step, value)
        path(q, k, v, mask, over(STANDARD, parts), rec)
    return Trace.of(rec, batched=len(q) > 1, facts={"variant": name})


def _check(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> None:
    for label, value in (("q", q), ("k", k), ("v", v)):
        if value.ndim != 4:
            raise ValueError(
                f"{label} needs 4 axes (batch, heads, tokens, width), not {value.ndim}"
            )
        if not value.numel():
            raise ValueError(f"{label} {tuple(value.shape)} has an empty axis")
        if not torch.isfinite(value).all():
            raise ValueError(f"{label} holds a number that is not finite")
    if not (q.dtype == k.dtype == v.dtype and q.is_floating_point()):
        types = f"{q.dtype}, {k.dtype} and {v.dtype}"
        raise ValueError(f"q, k and v need one floating-point type, not {types}")
    if q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3] or q.shape[1] % k.shape[1]:
        raise ValueError(f"q {tuple(q.shape)} and k {tuple(k.shape)} do not belong together")
    if k.shape[:3] != v.shape[:3]:
        raise ValueError(f"k {tuple(k.shape)} and v {tuple(v.shape)} do not belong together")
    if mask is not None:
        _check_mask(mask, (*q.shape[:3], k.shape[2]))


def _check_mask(mask: Tensor, scores: tuple[int, ...]) -> None:
    if mask.dtype != torch.bool:
        raise ValueError(f"the mask is boolean, True where attention is allowed, not {mask.dtype}")
    sizes = zip(reversed(mask.shape), reversed(scores), strict=False)
    if mask.ndim > 4 or any(size not in (1, wanted) for size, wanted in sizes):
        raise ValueError(f"the mask {tuple(mask.shape)} does not broadcast to {scores}")
