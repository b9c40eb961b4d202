"""How big objects are: flat sizes (deep sizes build on them)."""
