"""The optional extension; everything else is said in ``pyproject.toml``."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup


def extensions() -> list[Extension]:
    """The compiled walk, where its source knows the interpreter and nobody said no.

    Without a compiler, or if it fails, the install succeeds all the same: ``optional``.
    """
    known = (
        sys.implementation.name == "cpython"
        and (3, 10) <= sys.version_info < (3, 14)
        and sys.maxsize > 2**32
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
    )
    if not known or os.environ.get("PYMPLER_NO_EXTENSIONS", "") not in ("", "0"):
        return []
    folder = Path("pympler", "_heapwalk_c")
    sources, headers = (sorted(map(str, folder.glob(f"*.{kind}"))) for kind in "ch")
    return [Extension("pympler._heapwalk", sources, depends=headers, optional=True)]


setup(ext_modules=extensions())
