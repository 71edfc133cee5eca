"""Find, count and outline things. A scene is encoded once and can be asked for any number of names."""
