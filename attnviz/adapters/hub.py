"""A Hugging Face hub id -> a folder on this machine. The only place that uses the network.

Only what a model in safetensors form is made of is fetched: no pickles, no Python files.
"""

import re
from pathlib import Path

from attnviz.pretrained import LoadError

ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
WANTED = ("*.json", "*.txt", "*.model", "*.spm", "model*.safetensors")


def is_id(name: str) -> bool:
    """Whether `name` has the form owner/model."""
    return len(name) <= 200 and ID.fullmatch(name) is not None


def fetched(name: str) -> Path:
    """The folder that the model of this id is in, fetched where it is not there yet. Raises
    LoadError."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    short = repr(name)
    try:
        folder = snapshot_download(name, allow_patterns=list(WANTED), ignore_patterns=["*/*"])
    except LocalEntryNotFoundError as error:
        message = f"there is no folder {short}, and the Hugging Face hub cannot be reached"
        raise LoadError("offline", message, name=short) from error
    except Exception as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        message = (
            f"there is no folder {short}, and it could not be fetched from the Hugging Face hub: "
            f"{why}"
        )
        raise LoadError("unfetched", message, name=short, reason=why) from error
    return Path(folder)
