"""A file of attention weights -> Trace.

An .npz (or .npy) of NumPy, or a .safetensors, holds arrays under the names of attentions:
"encoder.self", "decoder.self" or "decoder.cross" (L H T S), "encoder.3.self" for one layer (H T S),
or what `transformers` calls them ("attentions", "cross_attentions", "attention_0"). Tokens are an
array of texts, or the bytes of a JSON list, under "tokens" (keys) and "target" (queries of
cross-attention); in a .safetensors a JSON list in the metadata will do. A saved Trace opens too.
"""

import ast
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from attnviz import archive
from attnviz.explain import explain
from attnviz.given import SIDES as BLOCKS
from attnviz.piece import Pieces
from attnviz.pretrained import LoadError
from attnviz.trace import Tokens, Trace

SIDES = ("tokens", "target")
_TRACE = "__trace__"
_NPY, _NPZ = b"\x93NUMPY", b"PK\x03\x04"
_HEADER = 10_000
"""Bytes of an array's header at most, as in NumPy itself."""
_AXES = 64
"""Axes of an array at most, as in NumPy itself."""


def load(
    file: str | Path, tokens: Pieces | None = None, target: Pieces | None = None, **choice: Any
) -> Trace:
    """The weights in `file`, with `tokens` and `target` in place of the file's own where given;
    `choice` is that of `explain`.

    Raises LoadError where the file cannot be read or trusted, InputError where its arrays are no
    weights.
    """
    file = Path(file)
    if file.stat().st_size > archive.LARGEST:
        raise archive.too_large(file.stat().st_size)
    data = file.read_bytes()
    archive.refuse_pickle(data)
    if data.startswith(_NPZ):
        arrays = _npz(data)
    elif data.startswith(_NPY):
        arrays = {"attentions": _npy(None, data)}
    else:
        arrays = _safetensors(file)
    if _TRACE in arrays:
        return _saved(file)
    given = {side: _texts(side, arrays.pop(side)) for side in SIDES if side in arrays}
    given |= {side: x for side, x in zip(SIDES, (tokens, target), strict=True) if x is not None}
    return explain(arrays, **given, **choice)


def _npz(data: bytes) -> dict[str, Any]:
    """The arrays of a zip of .npy files."""
    found = {}
    with archive.opened(data) as packed:
        for entry in packed.infolist():
            name = entry.filename.removesuffix(".npy")
            if name == entry.filename:
                short = repr(name[:80])
                message = f"{short} in the zip is no .npy file and no file of a model"
                raise LoadError("zip-other", message, name=short)
            found[name] = _npy(name, b"".join(archive.chunks(packed, entry, archive.LARGEST)))
    return found


def _npy(name: str | None, data: bytes) -> np.ndarray:
    """One array, of that name in a zip. Its header is read first: it must not ask for more than
    there is."""
    place = name[:80] if name else "the file"
    try:
        start, said = _header(data)
        shape, kind = tuple(map(index, said["shape"])), np.dtype(said["descr"])
        fits = len(shape) <= _AXES and all(0 <= n <= len(data) for n in shape)
        size = math.prod(shape) if fits else -1
        order = "F" if said["fortran_order"] else "C"
    except (ValueError, KeyError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        message = f"{place} is not an array of NumPy"
        raise LoadError("array" if name else "file-array", message, name=place) from error
    if kind.hasobject:
        message = f"{place} holds pickled objects, which are never opened"
        raise LoadError("array-objects" if name else "file-objects", message, name=place)
    there, wanted = len(data) - start, size * kind.itemsize
    if there != wanted or not kind.itemsize:
        message = f"{place} has {there} bytes, but its shape asks for {wanted}"
        code = "array-bytes" if name else "file-bytes"
        raise LoadError(code, message, name=place, found=there, wanted=wanted)
    return np.frombuffer(data, dtype=kind, offset=start).reshape(shape, order=order)


def _header(data: bytes) -> tuple[int, dict[str, Any]]:
    """Where the numbers begin, and what the .npy header says of them. Raises ValueError and what
    reading a literal of Python raises; the like of NumPy's own reader warns and guesses."""
    wide = data[6:7] > b"\x01"
    start = 12 if wide else 10
    length = int.from_bytes(data[8:start], "little")
    if not data.startswith(_NPY) or not length <= min(_HEADER, len(data) - start):
        raise ValueError("no header")
    return start + length, ast.literal_eval(data[start : start + length].decode("latin-1").strip())


def _safetensors(file: Path) -> dict[str, Any]:
    """The tensors of the file, and the tokens in its metadata."""
    try:
        with safe_open(file, "pt") as stored:
            metadata: Mapping[str, str] = stored.metadata() or {}
        tensors = safetensors.torch.load_file(file)
    except (SafetensorError, ValueError, KeyError, OSError) as error:
        raise LoadError("form", "the file is no .zip, .npz, .npy or .safetensors") from error
    said = {side: metadata[side] for side in SIDES if side in metadata}
    return {**tensors, **{side: text for side, text in said.items() if side not in tensors}}


def _texts(side: str, stored: Any) -> list[str]:
    """Tokens from an array of texts, from JSON, or from the bytes of JSON."""
    if isinstance(stored, Tensor):
        stored = stored.numpy()
    if isinstance(stored, np.ndarray) and stored.dtype.kind in "US" and stored.ndim == 1:
        return [
            x.decode("utf-8", "replace") if isinstance(x, bytes) else x for x in stored.tolist()
        ]
    is_array = isinstance(stored, np.ndarray)
    text = stored.tobytes().decode("utf-8", "replace") if is_array else str(stored)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{side} is neither an array of texts nor a JSON list"
        raise LoadError("texts", message, name=side) from error
    if not isinstance(found, list) or not all(isinstance(x, str) for x in found):
        raise LoadError("texts-list", f"{side} must be a list of texts", name=side)
    return found


def _saved(file: Path) -> Trace:
    """A trace as `Trace.save` wrote it, whose weights pass the same checks as any."""
    try:
        trace = Trace.load(file)
        weights = {
            path: kept.value
            for path, kept in trace.items()
            if path.endswith(".pattern") and ".".join(path.split(".")[:3:2]) in BLOCKS
        }
        whole = all(map(_whole, (trace.source, trace.target, trace.slots)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LoadError("trace", "the file is not a whole saved trace") from error
    if not whole:
        raise LoadError("trace-tokens", "the file is a saved trace whose tokens are not whole")
    if not weights and "pattern" in trace:
        return explain(trace["pattern"].value)  # of `attend`, which knows no tokens
    checked = explain(weights, trace.source, trace.target, slots=trace.slots)
    facts = {**trace.facts, **checked.facts, "bare": False}
    sides = {side: getattr(checked, side) for side in ("source", "target", "slots")}
    return replace(trace, facts=facts, **sides)


def _whole(tokens: Tokens | None) -> bool:
    """Whether all that is said of the tokens is of one length."""
    if tokens is None:
        return True
    n = len(tokens)
    return len(tokens.pieces) == len(tokens.spans) == len(tokens.special) == n
