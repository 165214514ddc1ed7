"""A name -> Bundle, wherever the model comes from: built in, a folder, or the Hugging Face hub."""

from pathlib import Path

from attnviz import pretrained
from attnviz.pretrained import MAX_NAME, Bundle, choose_device, models


def load(name: str | Path, device: str | None = None) -> Bundle:
    """A built-in model by name, a folder of attnviz's own form or of Hugging Face's, or a hub id
    ("owner/name"): the only case in which the network is used.

    Raises LoadError, in one sentence, where there is no such model or it cannot be trusted.
    """
    from attnviz import adapters
    from attnviz.adapters import hub

    if str(name) in models() or len(str(name)) > MAX_NAME:
        return pretrained.load(name, device)
    folder = Path(name)
    if adapters.foreign(folder) if folder.is_dir() else hub.is_id(str(name)):
        return adapters.load(name, choose_device(device))
    return pretrained.load(name, device)
