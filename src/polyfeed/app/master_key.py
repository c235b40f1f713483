"""The venue's master key, under which credentials are kept."""

from __future__ import annotations

import secrets
from pathlib import Path

from polyfeed.accounts.vault import MASTER_BYTES, Vault
from polyfeed.app.files import make_private


def vault_in(directory: Path) -> Vault:
    """The vault whose master key lies in `directory`; makes the key, readable by its owner alone, where there is none.

    Raises OSError, naming the file, when it cannot be read or made.
    """
    path = _path(directory)
    if not path.exists():
        make_private(path, secrets.token_bytes(MASTER_BYTES))
    return vault_of(directory)


def vault_of(directory: Path) -> Vault:
    """The vault of a venue, whose master key has to lie in `directory`. Raises OSError, naming the file."""
    path = _path(directory)
    if not path.exists():
        raise OSError(f"there is no {path}: copy the venue's, which its users' credentials are kept under")
    try:
        return Vault(path.read_bytes())
    except ValueError as error:
        raise OSError(f"{path} is not a master key: {error}") from error


def _path(directory: Path) -> Path:
    return directory / "master.key"
