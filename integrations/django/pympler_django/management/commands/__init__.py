"""``pympler_report`` and ``pympler_check``."""
