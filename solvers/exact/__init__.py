"""Exact dynamic programming: the 0-1 knapsack by its core, tiny travelling salesman tours by subsets."""
