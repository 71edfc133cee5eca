"""Words that a user taught by examples."""
