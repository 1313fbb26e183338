"""How work is done: memory, progress, reading ahead, forks, tasks of Dask."""
