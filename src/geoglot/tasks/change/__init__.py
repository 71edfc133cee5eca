"""What has changed between dates, by words."""
