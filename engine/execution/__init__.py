"""Execution: one run of one solver, in this process or in another, and many of them on one machine or many."""
