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
    path = directory / "master.key"
    if not path.exists():
        make_private(path, secrets.token_bytes(MASTER_BYTES))
    try:
        return Vault(path.read_bytes())
    except ValueError as error:
        raise OSError(f"{path} is not a master key: {error}") from error
