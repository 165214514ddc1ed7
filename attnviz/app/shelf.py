"""The models that a reader can choose: built-in, opened by name, and sent as a file.

What was opened or sent is known to this process by a name that fits in a link: the model's own, or
"upload:" and "weights:" with the beginning of a hash. Files lie in a folder of their own until the
process ends.
"""

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

import attnviz
from attnviz import archive, matrix
from attnviz.pretrained import LoadError
from attnviz.trace import Trace

DEFAULT = "en-zh"
MODEL, WEIGHTS = "upload:", "weights:"
MOST = 16
"""Files that are kept; the oldest leaves for a new one."""
LINKED = re.compile(r"[\w./~: \\+-]{1,200}")
"""What a link may call a model that is not open yet."""
_FOLDER = tempfile.TemporaryDirectory(prefix="attnviz-")


@dataclass(frozen=True)
class Reading:
    """How a file of weights is read, where its own names do not say it: one list of tokens or two,
    which attention, and which text of a batch."""

    tokens: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    block: str | None = None
    index: int | None = None


@dataclass(frozen=True)
class Item:
    """Something on the shelf: how readers call it, and where it is."""

    label: str
    place: Path | str
    reading: Reading = Reading()


_ITEMS: dict[str, Item] = {}


def known(name: str) -> bool:
    """Whether `name` can be chosen without opening anything."""
    return name in attnviz.models() or name in _ITEMS


def bare(name: str) -> bool:
    """Whether it is weights alone, without a model."""
    return name.startswith(WEIGHTS)


def sent(name: str) -> bool:
    """Whether it is what a reader sent."""
    return name.startswith((MODEL, WEIGHTS))


def label(name: str) -> str:
    """What readers call it."""
    return _ITEMS[name].label if name in _ITEMS else name


def place(name: str) -> Path | str:
    """What `attnviz.load` reads. Raises LoadError for a file that has left the shelf."""
    return _item(name).place if sent(name) else name


def add(name: str) -> str:
    """Put a model on the shelf that was opened by its name or folder."""
    folder = Path(name)
    label = "/".join(folder.resolve().parts[1:][-2:]) if folder.is_dir() else name
    _ITEMS.setdefault(name, Item(label, name))
    return name


def want(name: str) -> bool:
    """Remember a model that a link asks for, until the reader agrees; whether it can be one. What
    was sent to another process cannot."""
    if sent(name) or not LINKED.fullmatch(name):
        return False
    st.session_state["wanted"] = name
    return True


def send(data: bytes, file_name: str) -> str:
    """Keep a file that was sent: its name on the shelf. Raises LoadError for what cannot be
    trusted."""
    archive.refuse_pickle(data)
    digest = hashlib.sha256(data).hexdigest()[:16]
    stem, ending = re.sub(r"[^\w.-]+", "-", Path(file_name).stem)[:40], Path(file_name).suffix[:12]
    folder = Path(_FOLDER.name, digest)
    if archive.holds_model(data):
        name, found = MODEL + digest, folder / (stem.strip(".") or "model")
        if not found.exists():
            archive.unpack(data, found)
    else:
        name, found = WEIGHTS + digest, folder / "weights"
        folder.mkdir(exist_ok=True)
        found.write_bytes(data)
    _ITEMS.pop(name, None)  # sent again, it is the newest
    _ITEMS[name] = Item(f"{stem}{ending}", found)
    _tidy()
    return name


def read(name: str, reading: Reading) -> str:
    """The name of the same weights, read in another way; the trace is made once to see whether it
    can be. Raises LoadError and InputError."""
    item = replace(_item(name), reading=reading)
    digest = hashlib.sha256(repr((item.place, reading)).encode()).hexdigest()[:16]
    trace_of(item)
    _ITEMS[WEIGHTS + digest] = item
    return WEIGHTS + digest


def trace(name: str) -> Trace:
    """The weights of that name. Raises LoadError and InputError."""
    return trace_of(_item(name))


def trace_of(item: Item) -> Trace:
    """The weights of an item. Raises LoadError and InputError."""
    how = item.reading
    given = {"tokens": how.tokens or None, "target": how.target or None}
    return matrix.load(Path(item.place), **given, block=how.block, index=how.index)


def _item(name: str) -> Item:
    if name not in _ITEMS:
        message = "the file that was sent is not here any more: send it once more"
        raise LoadError("gone", message)
    return _ITEMS[name]


def _tidy() -> None:
    """Let the oldest files go."""
    folders = {item.place: None for name, item in _ITEMS.items() if sent(name)}
    for gone in list(folders)[:-MOST]:
        for name in [name for name, item in _ITEMS.items() if item.place == gone]:
            del _ITEMS[name]
        shutil.rmtree(Path(gone).parent, ignore_errors=True)
