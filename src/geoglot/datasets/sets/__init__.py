"""The data sets, one file each; their docstrings name the sources of the layouts."""
