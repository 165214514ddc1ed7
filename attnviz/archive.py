"""A model somebody sends as a zip -> a folder that `load` reads; nothing in it is trusted.

Names, kinds and sizes are checked before the first byte is read, bytes are counted while they are
read, and only the four files of a model are ever written, under their own names.
"""

import io
import json
import re
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from attnviz.pretrained import CARD, CONFIG, TOKENIZER, WEIGHTS, LoadError

MB = 1_000_000
LARGEST = 200 * MB
"""Bytes of a file, and of all that is packed in it."""
WANTED = {CONFIG: MB // 10, WEIGHTS: LARGEST, TOKENIZER: 20 * MB, CARD: MB}
"""What is taken from the zip, and how many bytes of each at most; other files stay in it."""
MOST = 4_096
"""Files in a zip."""
LONGEST = 255
"""Characters of a name in a zip."""
LAYERS, NUMBER, POSITIONS = 256, 1_000_000, 64_000_000
"""Most layers, largest size in config.json, and largest table of positions."""
PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".whl", ".npz")
PICKLED = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib")
PICKLE = "the file is a pickle, which could run programs, and is never opened"
_ZIP, _ENTRY = b"PK\x03\x04", b"PK\x01\x02"
_PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_CHUNK = 1 << 20
_DAMAGED = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error)
"""What reading a damaged zip raises; an unknown version is a RuntimeError."""


def unpack(data: bytes, folder: Path) -> None:
    """Write the model packed in `data` (a zip of its files, or of one folder with them) to
    `folder`, where there is none yet; `load` then checks what the files hold.

    Files of other names are left in the zip. Raises LoadError, with nothing written: no zip, a
    pickle, too large, a name that climbs out or comes twice, a link, an encrypted or packed file,
    a file that is missing, or a config.json that asks for too much.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with opened(data) as archive, tempfile.TemporaryDirectory(dir=folder.parent) as place:
        staging = Path(place, folder.name)
        staging.mkdir()
        for name, entry in _wanted(archive).items():
            with open(staging / name, "wb") as file:
                for chunk in chunks(archive, entry, WANTED[name]):
                    file.write(chunk)
        _modest(staging / CONFIG)
        if not folder.exists():
            staging.rename(folder)


def opened(data: bytes) -> ZipFile:
    """The zip with every entry's name, kind and size checked. Raises LoadError."""
    refuse_pickle(data)
    if len(data) > LARGEST:
        raise LoadError(f"the file has {len(data)} bytes, at most {LARGEST} are taken")
    if not data.startswith(_ZIP):
        raise LoadError("the file is not a zip")
    if data.count(_ENTRY) > MOST:
        raise LoadError(f"the zip holds more than {MOST} files")
    try:
        archive = ZipFile(io.BytesIO(data))
    except _DAMAGED as error:
        raise LoadError("the zip is damaged and cannot be read") from error
    for entry in archive.infolist():
        _fit(entry)
    names = [entry.filename.casefold() for entry in archive.infolist()]
    if any(name.endswith(PICKLED) for name in names):
        raise LoadError(PICKLE)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise LoadError(f"the zip holds {twice!r} twice")
    total = sum(entry.file_size for entry in archive.infolist())
    if total > LARGEST:
        raise LoadError(f"the zip unpacks to {total} bytes, at most {LARGEST} are taken")
    return archive


def holds_model(data: bytes) -> bool:
    """Whether `data` is a zip with a config.json, by its directory alone. Raises LoadError."""
    if not data.startswith(_ZIP):
        return False
    with opened(data) as archive:
        return any(PurePosixPath(entry.filename).name == CONFIG for entry in archive.infolist())


def refuse_pickle(data: bytes) -> None:
    """Raises LoadError for pickled data: what its first bytes promise is not done."""
    if data.startswith(_PICKLE):
        raise LoadError(PICKLE)


def chunks(archive: ZipFile, entry: ZipInfo, most: int) -> Iterator[bytes]:
    """The entry's bytes, counted while they are read. Raises LoadError beyond `most`, or where
    they are not what the zip's directory says."""
    count = 0
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                count += len(chunk)
                if count > most:
                    raise LoadError(f"{entry.filename} has more than {most} bytes")
                yield chunk
    except LoadError:
        raise
    except _DAMAGED as error:
        raise LoadError(f"{entry.filename} in the zip is damaged") from error
    if count != entry.file_size:
        raise LoadError(f"{entry.filename} has {count} bytes, not the {entry.file_size} declared")


def _fit(entry: ZipInfo) -> None:
    """Raises LoadError for an entry that is not a plain file or folder under a plain name."""
    name = entry.orig_filename
    short = repr(name[:80])
    parts = name.removesuffix("/").split("/")
    if "\\" in name or "\0" in name or re.match("[A-Za-z]:", name) or len(name) > LONGEST:
        raise LoadError(f"the zip holds the name {short}, which is not a plain path")
    if {"", ".", ".."} & {*parts}:
        raise LoadError(f"the zip holds the name {short}, which leads out of its folder")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise LoadError(f"{short} in the zip is a link or a device")
    if entry.flag_bits & 1:
        raise LoadError(f"{short} in the zip is encrypted")
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise LoadError(f"{short} is packed in a way that is not read here: only deflate is")


def _wanted(archive: ZipFile) -> dict[str, ZipInfo]:
    """The entries that are written, by file name; all lie in one folder, or in none."""
    found: dict[str, ZipInfo] = {}
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    for entry in files:
        path = PurePosixPath(entry.filename)
        if path.suffix.lower() in PACKED:
            raise LoadError(f"the zip holds {path.name[:80]!r}, which is packed once more")
        if path.name not in WANTED or "__MACOSX" in path.parts:
            continue
        if len(path.parts) > 2:
            raise LoadError(f"{path.name} lies too deep in the zip: one folder is allowed")
        if path.name in found:
            raise LoadError(f"the zip holds {path.name} twice")
        found[path.name] = entry
        if entry.file_size > WANTED[path.name]:
            raise LoadError(f"{path.name} has more than {WANTED[path.name]} bytes")
    if missing := [name for name in (CONFIG, WEIGHTS, TOKENIZER) if name not in found]:
        raise LoadError(f"the zip lacks {' and '.join(missing)}")
    if len({PurePosixPath(entry.filename).parent for entry in found.values()}) > 1:
        raise LoadError("the files of the model lie in different folders of the zip")
    return found


def _modest(config: Path) -> None:
    """Raises LoadError where config.json asks for sizes that no weights would ever contradict."""
    try:
        values = json.loads(config.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{config.name} is not JSON") from error
    if not isinstance(values, dict):
        raise LoadError(f"{config.name} is not a JSON object")
    sizes = {name: x for name, x in values.items() if isinstance(x, int | float)}
    limits = {name: LAYERS if "layer" in name else NUMBER for name in sizes}
    for name, limit in limits.items():
        if not sizes[name] <= limit:
            raise LoadError(f"{name[:80]} is {sizes[name]}, at most {limit} is taken")
    positions = sizes.get("n_ctx", 1) * sizes.get("d_model", 1)
    if positions > POSITIONS:
        raise LoadError(f"n_ctx x d_model is {positions}, at most {POSITIONS} is taken")
