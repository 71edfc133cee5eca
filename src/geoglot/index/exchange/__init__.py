"""Other people's vectors as archives, and archives in formats that others read."""
