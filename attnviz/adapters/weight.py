"""The model of a folder with every weight in its place, or one sentence why not."""

import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from attnviz.adapters.folder import weight_files
from attnviz.adapters.refusal import line, no_text, unreadable, unusable, within
from attnviz.adapters.seam import NAME
from attnviz.adapters.unlisted import UNLISTED
from attnviz.error import LoadError, lacking, misshapen

LOCAL: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
UNUSED = ("pooler",)
"""Parts of a model that read its output and that attnviz leaves out."""


def read(folder: Path, config: Any, name: str) -> Any:
    """The model with every weight in its place, in float32: with its head where the folder has one,
    else without."""
    import transformers

    _fits(folder, config, name)
    model, missing = _read(folder, config, getattr(transformers, name or "AutoModel"))
    inside, promised = f"{model.base_model_prefix}.", name in (config.architectures or ())
    if missing and not promised and not any(key.startswith(inside) for key in missing):
        model, missing = _read(folder, config, transformers.AutoModel)
    missing = [key for key in missing if key.split(".")[0] not in UNUSED]
    if missing:
        raise lacking(folder.name, sorted(missing))
    for part in UNUSED:
        if getattr(model, part, None) is not None:
            setattr(model, part, None)
    for key, value in model.state_dict().items():
        if value.is_floating_point() and not value.isfinite().all():
            message = f"{folder.name}: {key} holds a number that is not finite"
            raise LoadError("folder-finite", message, folder=folder.name, name=key)
    return model.eval().requires_grad_(False)


def _read(folder: Path, config: Any, of: Any) -> tuple[Any, list[str]]:
    """The model and the names of the weights that the folder does not have."""
    way = "eager" if config.model_type in UNLISTED else NAME
    about = {"use_safetensors": True, "dtype": torch.float32, "attn_implementation": way}
    said = folder.name
    try:
        model, info = of.from_pretrained(
            folder, config=config, output_loading_info=True, **about, **LOCAL
        )
    except KeyError as error:
        if error.args != (NAME,):
            message = f"{said} cannot be loaded: it knows no {error}"
            raise LoadError("loading-key", message, folder=said, key=str(error)) from error
        raise within(folder, config.model_type, unreadable()) from error
    except Exception as error:
        why = line(error)
        message = f"{said} cannot be loaded: {why}"
        raise LoadError("loading", message, folder=said, reason=why) from error
    if info["mismatched_keys"]:
        key, found, wanted = min(info["mismatched_keys"])
        raise misshapen(key, tuple(found), tuple(wanted))
    return model, list(info["missing_keys"])


def _fits(folder: Path, config: Any, name: str) -> None:
    """No memory is taken for a model that is far larger than its weights: what config.json says is
    not to be trusted."""
    import transformers

    try:
        there = sum(map(_numbers, weight_files(folder)))
        with torch.device("meta"):
            model = (
                getattr(transformers, name)(config)
                if name
                else transformers.AutoModel.from_config(config)
            )
    except SafetensorError as error:
        said, why = folder.name, str(error)
        message = f"{said}: {why} in its weights, which are no safetensors"
        raise LoadError("folder-safetensors", message, folder=said, reason=why) from error
    except Exception as error:
        raise unusable(folder, error) from error
    if model.main_input_name != "input_ids":
        raise no_text(folder, config.model_type)
    wanted = sum(x.numel() for x in model.parameters())
    if wanted > 2 * there + 1_000_000:
        said = folder.name
        message = f"{said} holds {there:,} numbers, but its config.json asks for {wanted:,}"
        raise LoadError("numbers", message, folder=said, found=there, wanted=wanted)


def _numbers(file: Path) -> int:
    with safe_open(file, "pt") as stored:
        return sum(math.prod(stored.get_slice(n).get_shape()) for n in stored.keys())  # noqa: SIM118
