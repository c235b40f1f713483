"""`polyfeed status`: the operator's word, said through the operator's port."""

from __future__ import annotations

import argparse
import json

from polyfeed.app.operator_client import call, quoted


def run(options: argparse.Namespace) -> int:
    """Sets the venue's or one market's status on a running server."""
    path = "/api/system/status"
    if options.instrument:
        path = f"/api/instruments/{quoted(options.instrument)}/status"
    print(json.dumps(call(options.url, "PUT", path, {"status": options.text})))
    return 0
