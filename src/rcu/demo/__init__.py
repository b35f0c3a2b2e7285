"""The demo retailer: an invented French shop with everything that goes wrong in real files."""
