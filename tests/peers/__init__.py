"""Services on loopback that speak the protocols of the real ones, with faults that a test orders."""
