"""Who refers to whom: the walk from the roots, and the paths that it finds."""
