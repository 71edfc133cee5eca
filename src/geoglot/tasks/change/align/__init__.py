"""Dates of one place made comparable: one grid, no shift between them, one radiometry, clouds left out."""
