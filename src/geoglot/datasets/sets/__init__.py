"""The published data sets; docstrings name the sources of their layouts."""
