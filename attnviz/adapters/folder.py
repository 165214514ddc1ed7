"""What is in a folder of Hugging Face form, and what of it is refused before anything is opened.

Weights are safetensors; a folder that has only pickles is never read.
"""

import json
from pathlib import Path
from typing import Any

from attnviz.pretrained import LoadError

CONFIG = "config.json"
ONE, MANY = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.h5", "*.msgpack")
MOST_LAYERS = 1000
MOST_BYTES = 1_000_000
"""A config.json larger than this is none."""


def foreign(folder: Path) -> bool:
    """Whether the folder says that it is a model for `transformers`."""
    try:
        return "model_type" in described(folder)
    except LoadError:
        return False


def described(folder: Path) -> dict[str, Any]:
    """The folder's config.json. Raises LoadError where it is missing or no JSON object."""
    file = folder / CONFIG
    if not file.is_file():
        raise LoadError(f"{folder.name}: {CONFIG} is missing")
    if file.stat().st_size > MOST_BYTES:
        raise LoadError(f"{folder.name}: {CONFIG} is too large to be a configuration")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{folder.name}: {CONFIG} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise LoadError(f"{folder.name}: {CONFIG} is not a JSON object")
    return found


def checked(folder: Path) -> dict[str, Any]:
    """The config.json of a folder that may be loaded. Raises LoadError."""
    config = described(folder)
    if not isinstance(config.get("model_type"), str):
        raise LoadError(f"{folder.name}: {CONFIG} names no model_type, so it is unknown what it is")
    if config.get("quantization_config"):
        raise LoadError(f"{folder.name} is quantised; attnviz reads models in full numbers only")
    layers = [
        x for name, x in config.items() if name.endswith(("layer", "layers")) and isinstance(x, int)
    ]
    if max(layers, default=0) > MOST_LAYERS:
        raise LoadError(f"{folder.name} wants {max(layers)} layers; {MOST_LAYERS} are the most")
    weight_files(folder)
    return config


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of the model. Raises LoadError where there is none."""
    if (folder / ONE).is_file():
        return [folder / ONE]
    if (folder / MANY).is_file():
        return _listed(folder)
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles:
        raise LoadError(
            f"{folder.name} has its weights as {pickles[0]}, which could run code when it is "
            f"opened: attnviz reads {ONE} only"
        )
    raise LoadError(f"{folder.name}: {ONE} is missing")


def _listed(folder: Path) -> list[Path]:
    """The files that the index names, all of them in the folder itself."""
    try:
        index = json.loads((folder / MANY).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LoadError(f"{folder.name}: {MANY} cannot be read") from error
    for name in names:
        inside = isinstance(name, str) and Path(name).name == name
        if not inside or not name.endswith(".safetensors") or not (folder / name).is_file():
            raise LoadError(f"{folder.name}: {MANY} names {str(name)[:80]!r}, which is not there")
    return [folder / name for name in names]
