"""Every variant there is, found by its file, and `attend`: any of them on tensors of yours."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor

import attnviz.attention as package
from attnviz.attention.core import KEY, STANDARD, VALUE, Q
from attnviz.attention.core import attend as path
from attnviz.attention.parameter import Inputs, Value
from attnviz.attention.parts import over
from attnviz.attention.variant import Properties, Variant, joined
from attnviz.error import InputError
from attnviz.recorder import Recorder
from attnviz.trace import Trace

GROUPS = ("scores", "normalizers", "masks", "positions", "heads", "kernels", "alignments")


@cache
def variants() -> Mapping[str, Variant]:
    """Name to declaration, of every file in a group of `attnviz.attention` that declares VARIANT,
    group by group.

    Raises ValueError where two files use one name."""
    return MappingProxyType({name: variant for name, (_, variant) in _declared().items()})


@cache
def group(name: str) -> str:
    """The group ("masks") in which the variant stands."""
    return _declared()[name][0].split(".")[0]


@cache
def code(name: str) -> str:
    """The file that declares the variant, from the top of the project on."""
    return f"attnviz/attention/{_declared()[name][0].replace('.', '/')}.py"


@cache
def _declared() -> Mapping[str, tuple[str, Variant]]:
    """Name to the module within the package, and the declaration."""
    found: dict[str, tuple[str, Variant]] = {}
    prefix = f"{package.__name__}."
    modules = [m for m in pkgutil.walk_packages(package.__path__, prefix) if not m.ispkg]
    places = [name.name.removeprefix(prefix) for name in modules]
    for place in sorted((p for p in places if "." in p), key=_order):
        variant = getattr(importlib.import_module(prefix + place), "VARIANT", None)
        if variant is None:
            continue
        if variant.name in found:
            raise ValueError(f"two variants are called {variant.name!r}")
        found[variant.name] = (place, variant)
    return found


def _order(place: str) -> tuple[int, str]:
    return GROUPS.index(place.split(".")[0]), place


def find(name: str) -> Variant:
    """The variant called `name`, or those of "rope+sliding_window+entmax" as one, which is refused
    where it is built if two fill the same part. Raises InputError for a name that is not known."""
    names = [part.strip() for part in name.split("+")]
    if unknown := [n for n in names if n not in variants()]:
        known = ", ".join(variants())
        message = f"there is no variant {unknown[0]!r}; known are {known}"
        raise InputError("variant", message, name=unknown[0], known=known)
    return joined(*(variants()[n] for n in names))


def attend(
    name: str,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    **parameters: Value,
) -> Trace:
    """Run the variant `name`, or several joined by +, on q (B H T K), k (B G S K), v (B G S E); G
    divides H.

    `mask` (boolean, broadcast to B H T S) is True where attention is allowed. The trace's
    "pattern" is the effective T x S matrix of weights and "z" the output as the variant's own
    algorithm computes it; a batch of one is dropped. A query with nothing allowed gets zeros, and
    `facts["notes"]` say so.
    Raises InputError (a ValueError) for an unknown name or parameter, a parameter out of its range,
    shapes or types that do not belong together, and numbers that are not finite.
    """
    variant = find(name)
    _check(q, k, v, mask)
    fits(variant, q.shape[2], k.shape[2], mask)
    q, k, v = q.clone(), k.clone(), v.clone()  # the trace stays true when the caller's change
    parts = variant.build(Inputs.of(q, k, v), **parameters)
    rec = Recorder(weights=parts.weights)
    with torch.no_grad():
        for step, value in ((Q, q), (KEY, k), (VALUE, v)):
            rec.keep(step, value)
        path(q, k, v, mask, over(STANDARD, parts), rec)
    facts = {"variant": name, "notes": _notes(rec)}
    return Trace.of(rec, batched=len(q) > 1, facts=facts)


def fits(variant: Variant, t: int, s: int, mask: Tensor | None = None) -> None:
    """Raise InputError where the variant cannot take T queries and S keys, or this mask."""
    promised: Properties = variant.properties
    if promised.square and t != s:
        message = f"{variant.name} needs as many queries as keys, not T = {t} and S = {s}"
        raise InputError("square", message, variant=variant.name, t=t, s=s)
    if mask is None or promised.maskable or mask.ndim < 2 or mask.shape[-2] == 1:
        return
    if not (mask == mask[..., :1, :]).all():
        message = (
            f"{variant.name} works on all tokens at once: its mask may hide a key from every query,"
            " not from some"
        )
        raise InputError("maskable", message, variant=variant.name)


def _notes(rec: Recorder) -> list[str]:
    """What is worth knowing about this run."""
    kept = rec.kept()
    masks = [kept[name].value for name in ("both", "given", "allowed") if name in kept]
    empty = int((~masks[0].any(-1)).any(1).sum()) if masks else 0
    said = f"{empty} queries may look at nothing: their weights and outputs are zero"
    return [said] if empty else []


def _check(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> None:
    for label, value in (("q", q), ("k", k), ("v", v)):
        if not isinstance(value, Tensor):
            message = f"{label} is no tensor but of type {type(value).__name__}"
            raise InputError("tensor", message, name=label, found=type(value).__name__)
        if value.ndim != 4:
            message = f"{label} needs 4 axes (batch, heads, tokens, width), not {value.ndim}"
            raise InputError("axes", message, name=label, found=value.ndim)
        if not value.numel():
            message = f"{label} {tuple(value.shape)} has an empty axis"
            raise InputError("no_tokens", message, name=label, shape=str(tuple(value.shape)))
        if not torch.isfinite(value).all():
            message = f"{label} holds a number that is not finite"
            raise InputError("finite", message, name=label)
    if not (q.dtype == k.dtype == v.dtype and q.is_floating_point()):
        types = f"{q.dtype}, {k.dtype} and {v.dtype}"
        message = f"q, k and v need one floating-point type, not {types}"
        raise InputError("types", message, types=types)
    if q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3] or q.shape[1] % k.shape[1]:
        _apart("q", q, "k", k)
    if k.shape[:3] != v.shape[:3]:
        _apart("k", k, "v", v)
    if mask is not None:
        _check_mask(mask, (*q.shape[:3], k.shape[2]))


def _apart(first: str, one: Tensor, second: str, two: Tensor) -> None:
    said = f"{first} {tuple(one.shape)}", f"{second} {tuple(two.shape)}"
    message = f"{said[0]} and {said[1]} do not belong together"
    raise InputError("shapes", message, first=said[0], second=said[1])


def _check_mask(mask: Tensor, scores: tuple[int, ...]) -> None:
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        found = getattr(mask, "dtype", type(mask).__name__)
        message = f"the mask is boolean, True where attention is allowed, not {found}"
        raise InputError("mask_type", message, found=str(found))
    sizes = zip(reversed(mask.shape), reversed(scores), strict=False)
    if mask.ndim > 4 or any(size not in (1, wanted) for size, wanted in sizes):
        message = f"the mask {tuple(mask.shape)} does not broadcast to {scores}"
        facts = {"shape": str(tuple(mask.shape)), "wanted": str(scores)}
        raise InputError("mask_shape", message, **facts)
