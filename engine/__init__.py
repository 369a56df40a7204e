"""Redwood: a plugin-based engine for combinatorial optimisation and planning."""
