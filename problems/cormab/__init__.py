"""Coupled restless bandits: many small Markov chains, moved together by one action of a combinatorial set."""
