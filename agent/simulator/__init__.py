"""What a station needs around it on a laptop: a supplier, a broker and the world. Only `simulate` imports it."""
