"""Compiles the one part of polyfeed that is C (gateway/abreast.c), where there is a compiler. It works without."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "src/polyfeed/gateway/abreast.c"
FLAGS = ("-std=gnu11", "-O2", "-shared", "-fPIC")


class CompileHook(BuildHookInterface[Any]):
    """Puts the library beside its source; a wheel that has it is one for this platform, and any Python."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel, or an editable install, is made."""
        source = Path(self.root, SOURCE)
        library = source.with_name("libabreast.so")
        library.unlink(missing_ok=True)
        compiler = shlex.split(os.environ.get("CC", "cc"))
        if os.name != "posix" or shutil.which(compiler[0]) is None:
            self.app.display_warning("no C compiler: writes to sockets go through Python alone")
            return
        command = [*compiler, *FLAGS, "-o", str(library), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.app.display_warning(f"{SOURCE} was not compiled: {done.stderr}")
            return
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
