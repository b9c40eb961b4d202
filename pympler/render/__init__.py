"""Renderers: ``render(report) -> str``, options go to the constructor."""
