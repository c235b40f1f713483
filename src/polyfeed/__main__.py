"""`python -m polyfeed` is `polyfeed`."""

import sys

from polyfeed.app.cli import main

sys.exit(main())
