"""`polyfeed status`: the operator's word, said through the operator's port."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request


def run(options: argparse.Namespace) -> int:
    """Sets the venue's or one market's status on a running server."""
    path = "/api/system/status"
    if options.instrument:
        path = f"/api/instruments/{urllib.parse.quote(options.instrument, safe='')}/status"
    request = urllib.request.Request(
        options.url.rstrip("/") + path, json.dumps({"status": options.text}).encode(), method="PUT"
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            print(response.read().decode())
    except urllib.error.HTTPError as error:
        print(f"polyfeed: {json.loads(error.read()).get('error', error.reason)}", file=sys.stderr)
        return 1
    except urllib.error.URLError as error:
        print(f"polyfeed: no server answers at {options.url}: {error.reason}", file=sys.stderr)
        return 1
    return 0
