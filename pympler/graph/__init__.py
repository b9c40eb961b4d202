"""Who refers to whom: the walk from the roots, and the paths that it finds.

Example:
    >>> import gc
    >>> from pympler.graph import why_alive
    >>> why_alive(gc.callbacks)
    'gc.callbacks'
"""

from pympler.graph.why_alive import why_alive

__all__ = ["why_alive"]
