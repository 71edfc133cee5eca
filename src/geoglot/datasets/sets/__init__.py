"""The data sets, a file each; the layouts are stated from the sources that their docstrings name."""
