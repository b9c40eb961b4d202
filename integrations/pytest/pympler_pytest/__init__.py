"""The pytest plugin: tests that fail when what they call keeps memory.

A package of its own, which loads next to nothing: pytest imports it in every run of everybody who
has Pympler installed, before coverage starts to look at the rest.
"""
