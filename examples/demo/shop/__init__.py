"""A small shop: its products, carts and orders, the same for every web framework."""
