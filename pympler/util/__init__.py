"""Small helpers without a stage of their own."""
