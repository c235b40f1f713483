"""`polyfeed status`: the operator's word, said through the operator's port."""

from __future__ import annotations

import argparse
import json
import sys

from polyfeed.app.operator_client import call, quoted
from polyfeed.dialects.kraken.spec import STATUSES
from polyfeed.model.enums import InstrumentStatus


def run(options: argparse.Namespace) -> int:
    """Sets the venue's or one market's status on a running server."""
    path = "/api/system/status"
    if options.instrument:
        path = f"/api/instruments/{quoted(options.instrument)}/status"
    elif options.text not in STATUSES:
        hint = "; to halt a market give --instrument NAME" if options.text == InstrumentStatus.HALTED else ""
        told = "is a text of your own: Kraken's clients are told it, the others have no word for it"
        print(f"polyfeed: {options.text!r} {told}{hint}", file=sys.stderr)
    print(json.dumps(call(options.url, "PUT", path, {"status": options.text})))
    return 0
