"""What holds attention weights -> one stack LHTS for each attention: whatever libraries give."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnviz.error import InputError

LARGEST = 64_000_000
"""Numbers that are taken at most."""
OUTPUTS = {
    "attentions": "",
    "encoder_attentions": "encoder.self",
    "decoder_attentions": "decoder.self",
    "cross_attentions": "decoder.cross",
}
"""What the outputs of `transformers` call their weights, and which attention that is; "" is one
whose form has to tell."""
SIDES = {
    "encoder.self": ("source", "source"),
    "pool.cross": ("slots", "source"),
    "decoder.self": ("target", "target"),
    "decoder.cross": ("target", "source"),
}
"""Attentions with the side of their queries and that of their keys; after a pool, a decoder looks
at its slots."""
NAMES = {
    **OUTPUTS,
    **{name.removesuffix("s"): block for name, block in OUTPUTS.items()},
    **{block: block for block in SIDES},
    **dict.fromkeys(("weights", "pattern", "layer", "layers", "arr_0"), ""),
}
_BY_LAYER = re.compile(r"(\w+)\.(\d{1,4})\.(self|cross)(?:\.pattern)?")
_NUMBERED = re.compile(r"(.+)[._](\d{1,4})")


def stacks(found: Any, index: int | None = None) -> dict[str, Tensor]:
    """Weights LHTS by attention, "" where the names do not say which; float32 or float64, copied.

    `found` is an output of `transformers`, the (output, weights) of a module, arrays by name (see
    NAMES; "attention_3" or "encoder.3.self" is one layer), an array (T S, H T S, L H T S or
    L B H T S) or a list with an array for each layer (T S, H T S or B H T S). `index` chooses from
    a batch. Raises InputError.
    """
    layers: dict[str, dict[int, Any]] = {}
    whole: dict[str, tuple[str, Any]] = {}
    for name, value in _named(found).items():
        block, layer = _place(str(name))
        same = layers.get(block, {})
        if block in whole or layer in same or (layer is None and same):
            message = f"two arrays are given for the same attention, the second is {name!r}"
            raise InputError("weights-twice", message, name=name)
        if layer is None:
            whole[block] = (name, value)
        else:
            layers.setdefault(block, {})[layer] = value
    for block, given in layers.items():
        whole[block] = (block or "attention", _in_order(block, given))
    if not whole:
        raise _none()
    _not_too_large([value for _, value in whole.values()])
    return {block: _stack(name, value, index) for block, (name, value) in whole.items()}


def _named(found: Any) -> Mapping[str, Any]:
    """Its arrays by name."""
    if any(hasattr(found, name) for name in OUTPUTS):
        values = {name: getattr(found, name, None) for name in OUTPUTS}
        return {name: value for name, value in values.items() if value is not None and len(value)}
    if isinstance(found, Mapping):
        return found
    return {"attentions": _weights(found)}


def _weights(found: Any) -> Any:
    """The weights of a module's (output, weights), as those of one layer; anything else as it is.

    A tuple of two that can be nothing else is one: weights N T S, N H T S, T S or H T S after an
    output N T D, T N D or T D."""
    if not (isinstance(found, tuple) and len(found) == 2 and hasattr(found[0], "shape")):
        return found
    output, weights = found
    if weights is None:
        raise _none()
    if not hasattr(weights, "shape") or output.ndim not in (2, 3):
        return found
    batched = output.ndim == 3
    fits = (weights.shape[0] in output.shape[:2]) if batched else True
    if weights.ndim - output.ndim not in (0, 1) or not fits or _alike(output, weights):
        return found
    if batched and weights.ndim == 3:
        weights = weights[:, None]  # heads were averaged
    return [weights]


def _alike(output: Any, weights: Any) -> bool:
    """Whether both could be weights: two layers of one shape, with nothing below 0."""
    return tuple(output.shape) == tuple(weights.shape) and bool((output >= 0).all())


def _place(name: str) -> tuple[str, int | None]:
    """Which attention a name means, and which layer; None for all."""
    if name in NAMES:
        return NAMES[name], None
    if found := _BY_LAYER.fullmatch(name):
        block = f"{found[1]}.{found[3]}"
        if block in SIDES:
            return block, int(found[2])
    if (found := _NUMBERED.fullmatch(name)) and found[1] in NAMES:
        return NAMES[found[1]], int(found[2])
    known = ", ".join((*SIDES, *OUTPUTS, "attention_0, attention_1 …"))
    message = f"{name[:80]!r} names no attention; known are {known}"
    raise InputError("weights-name", message, name=name[:80], known=known)


def _in_order(block: str, given: Mapping[int, Any]) -> list[Any]:
    for layer in range(len(given)):
        if layer not in given:
            name, found = block or "attention", ", ".join(map(str, sorted(given)))
            message = f"{name} has the layers {found}, but not layer {layer}"
            raise InputError("weights-gap", message, name=name, found=found, layer=layer)
    return [given[layer] for layer in range(len(given))]


def _stack(name: str, value: Any, index: int | None) -> Tensor:
    """LHTS of one array, or of a list with one for each layer."""
    if not _is_list(value):
        x = _array(name, value)
        if x.ndim == 5:
            return _numbers(name, _one(name, x.swapaxes(0, 1), index))
        _axes(name, x, (2, 3, 4))
        return _numbers(name, x[(None,) * (4 - x.ndim)])
    found: list[Tensor] = []
    for layer, one in enumerate(value):
        at = f"{name}, layer {layer}"
        x = _array(at, one)
        _axes(at, x, (2, 3, 4))
        found.append(_numbers(at, _one(at, x, index) if x.ndim == 4 else x[(None,) * (3 - x.ndim)]))
        first, last = tuple(found[0].shape), tuple(found[-1].shape)
        if first != last:
            message = f"{at} has the shape {last}, but layer 0 has {first}"
            raise InputError("weights-layers", message, name=at, found=str(last), first=str(first))
    return torch.stack(found)


def _is_list(value: Any) -> bool:
    """Whether it is a list of arrays; lists of numbers are an array themselves."""
    if not isinstance(value, Sequence) or not len(value):
        return False
    if any(one is None for one in value):
        raise _none()
    if all(isinstance(one, Sequence) and len(one) and hasattr(one[0], "shape") for one in value):
        message = "these weights come step by step: run the model once on the finished text"
        raise InputError("weights-steps", message)
    return all(hasattr(one, "shape") for one in value)


def _array(name: str, value: Any) -> Any:
    """A torch or NumPy array that holds real numbers, at least one."""
    if value is None:
        raise _none()
    try:
        x = value if isinstance(value, Tensor) else np.asarray(value)
    except ValueError:  # rows of different lengths
        x = np.asarray(None)
    of = "complex" if isinstance(x, Tensor) and x.is_complex() else str(x.dtype)
    if of == "complex" or (isinstance(x, np.ndarray) and x.dtype.kind not in "biuf"):
        message = f"{name} must be an array of real numbers, not of {of}"
        raise InputError("weights-kind", message, name=name, kind=of)
    if 0 in x.shape:
        shape = str(tuple(x.shape))
        message = f"{name} is empty: its shape is {shape}"
        raise InputError("weights-empty", message, name=name, shape=shape)
    return x


def _axes(name: str, x: Any, wanted: tuple[int, ...]) -> None:
    if x.ndim not in wanted:
        least, most = wanted[0], wanted[-1]
        message = f"{name} has {x.ndim} axes, but weights have {least} to {most} (… heads, T, S)"
        about = {"name": name, "found": x.ndim, "least": least, "most": most}
        raise InputError("weights-axes", message, **about)


def _one(name: str, x_batched: Any, index: int | None) -> Any:
    """One of a batch."""
    size = x_batched.shape[0]
    if size == 1 and index is None:
        return x_batched[0]
    if index is None or not 0 <= index < size:
        message = f"{name} holds a batch of {size}: say which with index=0 to index={size - 1}"
        raise InputError("weights-batch", message, name=name, size=size, last=size - 1)
    return x_batched[index]


def _numbers(name: str, x: Any) -> Tensor:
    """A copy on the CPU, as float64 where its own numbers take eight bytes, else as float32."""
    wide = x.dtype.itemsize >= 8
    if isinstance(x, np.ndarray):
        found = torch.from_numpy(np.array(x, dtype=np.float64 if wide else np.float32))
    else:
        found = x.detach().to("cpu", torch.float64 if wide else torch.float32, copy=True)
    if wrong := int((~found.isfinite()).sum()):
        message = f"{name} has {wrong} of {found.numel()} numbers that are not finite"
        raise InputError("weights-finite", message, name=name, found=wrong, size=found.numel())
    return found


def _not_too_large(values: Sequence[Any]) -> None:
    arrays = [one for value in values for one in (value if _is_list(value) else [value])]
    total = sum(math.prod(getattr(x, "shape", ())) for x in arrays)
    if total > LARGEST:
        message = f"the weights are {total} numbers, at most {LARGEST} are taken"
        raise InputError("weights-large", message, found=total, size=LARGEST)


def _none() -> InputError:
    return InputError(
        "weights-none",
        "there are no weights in it: ask for them with output_attentions=True or need_weights=True",
    )
