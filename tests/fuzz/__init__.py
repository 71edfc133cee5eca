"""Seeded fuzz tests of every door that reads what a stranger may have written."""
