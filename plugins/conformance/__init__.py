"""Conformance: what every registered problem and solver has to keep, and tools for the authors of plugins."""
