"""Published data sets and folders of your own: names, pages, layouts, samples, and checks of them."""
