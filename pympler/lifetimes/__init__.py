"""Lifetimes of chosen classes: births, deaths, sizes over time, and their reports."""
