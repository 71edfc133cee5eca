"""Where geotagged photos are found: services on the network, and folders and tables here."""
