"""The built-in executors: this machine, a Dask cluster, Slurm."""
