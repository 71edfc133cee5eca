"""HTTP: one client whose behaviour is a stack of transports."""
