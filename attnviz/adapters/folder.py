"""What is in a folder of Hugging Face form, and what of it is refused before anything is opened.

Weights are safetensors; a folder that has only pickles is never read.
"""

import json
from pathlib import Path
from typing import Any

from attnviz.error import LoadError, missing

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
        raise missing(folder.name, CONFIG)
    if file.stat().st_size > MOST_BYTES:
        message = f"{folder.name}: {CONFIG} is too large to be a configuration"
        raise LoadError("config-large", message, folder=folder.name, file=CONFIG)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        said, why = folder.name, str(error)
        message = f"{said}: {CONFIG} is not JSON: {why}"
        raise LoadError("folder-json", message, folder=said, file=CONFIG, reason=why) from error
    if not isinstance(found, dict):
        message = f"{folder.name}: {CONFIG} is not a JSON object"
        raise LoadError("folder-object", message, folder=folder.name, file=CONFIG)
    return found


def checked(folder: Path) -> dict[str, Any]:
    """The config.json of a folder that may be loaded. Raises LoadError."""
    config, said = described(folder), folder.name
    if not isinstance(config.get("model_type"), str):
        message = f"{said}: {CONFIG} names no model_type, so it is unknown what it is"
        raise LoadError("model-type", message, folder=said, file=CONFIG)
    if config.get("quantization_config"):
        message = f"{said} is quantised; attnviz reads models in full numbers only"
        raise LoadError("quantised", message, folder=said)
    layers = [
        x for name, x in config.items() if name.endswith(("layer", "layers")) and isinstance(x, int)
    ]
    if max(layers, default=0) > MOST_LAYERS:
        wanted = max(layers)
        message = f"{said} wants {wanted} layers; {MOST_LAYERS} are the most"
        raise LoadError("layers", message, folder=said, wanted=wanted, most=MOST_LAYERS)
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
        said, file = folder.name, pickles[0]
        message = (
            f"{said} has its weights as {file}, which could run code when it is opened: "
            f"attnviz reads {ONE} only"
        )
        raise LoadError("pickles", message, folder=said, file=file, wanted=ONE)
    raise missing(folder.name, ONE)


def _listed(folder: Path) -> list[Path]:
    """The files that the index names, all of them in the folder itself."""
    try:
        index = json.loads((folder / MANY).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{folder.name}: {MANY} cannot be read"
        raise LoadError("index", message, folder=folder.name, file=MANY) from error
    for name in names:
        inside = isinstance(name, str) and Path(name).name == name
        if not inside or not name.endswith(".safetensors") or not (folder / name).is_file():
            said, short = folder.name, repr(str(name)[:80])
            message = f"{said}: {MANY} names {short}, which is not there"
            raise LoadError("index-name", message, folder=said, file=MANY, name=short)
    return [folder / name for name in names]
