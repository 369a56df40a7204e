"""Bounds on what every policy can earn: dual decomposition, column generation, average reward."""
