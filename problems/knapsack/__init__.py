"""The 0-1 knapsack problem: the most valuable items that fit into one capacity."""
