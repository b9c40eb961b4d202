"""Handlers that leak, each with a fixed twin, and clean ones that look guilty.

They are ordinary small applications and know nothing of what checks them. :mod:`.cases` says what
has to be found, :mod:`.runner` runs them.
"""
