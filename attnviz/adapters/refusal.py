"""The mistakes that more than one step of loading a foreign model can find."""

from pathlib import Path

from attnviz.pretrained import LoadError


def unusable(folder: Path, error: Exception) -> LoadError:
    """The folder's config.json was refused by transformers with `error`."""
    why = line(error)
    message = f"{folder.name}: config.json cannot be used: {why}"
    return LoadError("folder-config", message, folder=folder.name, reason=why)


def no_text(folder: Path, kind: str) -> LoadError:
    """A model of this kind reads something else than text."""
    message = f"{folder.name}: {kind} is no text model"
    return LoadError("no-text", message, folder=folder.name, kind=kind)


def unreadable() -> LoadError:
    """The model computes its attention where the seam cannot see it."""
    return LoadError(
        "unreadable",
        "the attention of this architecture does not pass through the interface of transformers, "
        "so that attnviz cannot read it",
    )


def within(folder: Path, kind: str, error: LoadError) -> LoadError:
    """The same mistake with the folder and the kind of its model named."""
    message = f"{folder.name} ({kind}): {error}"
    return LoadError("model", message, folder=folder.name, kind=kind, reason=error)


def line(error: Exception) -> str:
    """The first line of what went wrong, not long."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[0].strip() if lines else type(error).__name__)[:300]
