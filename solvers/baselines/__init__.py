"""Baselines for every problem that offers the view `Local`: a random solution and a greedy one."""
