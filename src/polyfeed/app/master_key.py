"""The venue's master key, under which credentials are kept."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from polyfeed.accounts.vault import MASTER_BYTES, Vault


def vault_in(directory: Path) -> Vault:
    """The vault whose master key lies in `directory`; makes the key, readable by its owner alone, where there is none.

    Raises OSError, naming the file, when it cannot be read or made.
    """
    path = directory / "master.key"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(MASTER_BYTES))
    try:
        return Vault(path.read_bytes())
    except ValueError as error:
        raise OSError(f"{path} is not a master key: {error}") from error
