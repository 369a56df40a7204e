"""BQ-NCO: attention policies that re-read the tail sub-problem at every step, trained by imitation."""
