"""Results in notebooks: as HTML, as a figure of matplotlib and as a map of folium. A result only describes itself."""
