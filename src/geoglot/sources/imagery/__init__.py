"""Where satellite tiles come from: STAC catalogues, and folders of rasters here."""
