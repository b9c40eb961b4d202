"""``python -m pympler``: the same as the command ``pympler``."""

from __future__ import annotations

import sys

from pympler.cli import main

if __name__ == "__main__":
    sys.exit(main())
