"""From places on Earth to a pair set, in stages that each keep what they have."""
