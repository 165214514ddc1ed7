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
        raise too_large(len(data))
    if not data.startswith(_ZIP):
        raise LoadError("no-zip", "the file is not a zip")
    if data.count(_ENTRY) > MOST:
        raise LoadError("zip-files", f"the zip holds more than {MOST} files", most=MOST)
    try:
        archive = ZipFile(io.BytesIO(data))
    except _DAMAGED as error:
        raise LoadError("zip-damaged", "the zip is damaged and cannot be read") from error
    for entry in archive.infolist():
        _fit(entry)
    names = [entry.filename.casefold() for entry in archive.infolist()]
    if any(name.endswith(PICKLED) for name in names):
        raise _pickled()
    if len(set(names)) < len(names):
        raise _twice(repr(next(name for name in names if names.count(name) > 1)))
    total = sum(entry.file_size for entry in archive.infolist())
    if total > LARGEST:
        message = f"the zip unpacks to {total} bytes, at most {LARGEST} are taken"
        raise LoadError("zip-unpacks", message, size=total, most=LARGEST)
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
        raise _pickled()


def too_large(size: int) -> LoadError:
    """The mistake of a file of more than LARGEST bytes."""
    message = f"the file has {size} bytes, at most {LARGEST} are taken"
    return LoadError("large", message, size=size, most=LARGEST)


def _pickled() -> LoadError:
    message = "the file is a pickle, which could run programs, and is never opened"
    return LoadError("pickle", message)


def _twice(name: str) -> LoadError:
    return LoadError("zip-twice", f"the zip holds {name} twice", name=name)


def _long(name: str, most: int) -> LoadError:
    return LoadError("zip-large", f"{name} has more than {most} bytes", name=name, most=most)


def chunks(archive: ZipFile, entry: ZipInfo, most: int) -> Iterator[bytes]:
    """The entry's bytes, counted while they are read. Raises LoadError beyond `most`, or where
    they are not what the zip's directory says."""
    count = 0
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                count += len(chunk)
                if count > most:
                    raise _long(entry.filename, most)
                yield chunk
    except LoadError:
        raise
    except _DAMAGED as error:
        name = entry.filename
        raise LoadError("zip-file-damaged", f"{name} in the zip is damaged", name=name) from error
    if count != entry.file_size:
        name, size = entry.filename, entry.file_size
        message = f"{name} has {count} bytes, not the {size} declared"
        raise LoadError("zip-file-bytes", message, name=name, found=count, size=size)


def _fit(entry: ZipInfo) -> None:
    """Raises LoadError for an entry that is not a plain file or folder under a plain name."""
    name = entry.orig_filename
    short = repr(name[:80])
    parts = name.removesuffix("/").split("/")
    if "\\" in name or "\0" in name or re.match("[A-Za-z]:", name) or len(name) > LONGEST:
        message = f"the zip holds the name {short}, which is not a plain path"
        raise LoadError("zip-name", message, name=short)
    if {"", ".", ".."} & {*parts}:
        message = f"the zip holds the name {short}, which leads out of its folder"
        raise LoadError("zip-path", message, name=short)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise LoadError("zip-link", f"{short} in the zip is a link or a device", name=short)
    if entry.flag_bits & 1:
        raise LoadError("zip-encrypted", f"{short} in the zip is encrypted", name=short)
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        message = f"{short} is packed in a way that is not read here: only deflate is"
        raise LoadError("zip-method", message, name=short)


def _wanted(archive: ZipFile) -> dict[str, ZipInfo]:
    """The entries that are written, by file name; all lie in one folder, or in none."""
    found: dict[str, ZipInfo] = {}
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    for entry in files:
        path = PurePosixPath(entry.filename)
        if path.suffix.lower() in PACKED:
            short = repr(path.name[:80])
            message = f"the zip holds {short}, which is packed once more"
            raise LoadError("zip-packed", message, name=short)
        if path.name not in WANTED or "__MACOSX" in path.parts:
            continue
        if len(path.parts) > 2:
            message = f"{path.name} lies too deep in the zip: one folder is allowed"
            raise LoadError("zip-deep", message, name=path.name)
        if path.name in found:
            raise _twice(path.name)
        found[path.name] = entry
        if entry.file_size > WANTED[path.name]:
            raise _long(path.name, WANTED[path.name])
    if missing := tuple(name for name in (CONFIG, WEIGHTS, TOKENIZER) if name not in found):
        raise LoadError("zip-lacks", f"the zip lacks {' and '.join(missing)}", names=missing)
    if len({PurePosixPath(entry.filename).parent for entry in found.values()}) > 1:
        message = "the files of the model lie in different folders of the zip"
        raise LoadError("zip-folders", message)
    return found


def _modest(config: Path) -> None:
    """Raises LoadError where config.json asks for sizes that no weights would ever contradict."""
    try:
        values = json.loads(config.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise LoadError("json", f"{config.name} is not JSON", file=config.name) from error
    if not isinstance(values, dict):
        raise LoadError("object", f"{config.name} is not a JSON object", file=config.name)
    sizes = {name: x for name, x in values.items() if isinstance(x, int | float)}
    limits = {name: LAYERS if "layer" in name else NUMBER for name in sizes}
    for name, limit in limits.items():
        if not sizes[name] <= limit:
            message = f"{name[:80]} is {sizes[name]}, at most {limit} is taken"
            raise LoadError("size", message, name=name[:80], value=sizes[name], most=limit)
    positions = sizes.get("n_ctx", 1) * sizes.get("d_model", 1)
    if positions > POSITIONS:
        message = f"n_ctx x d_model is {positions}, at most {POSITIONS} is taken"
        raise LoadError("positions", message, value=positions, most=POSITIONS)
