"""Head structures: how heads share keys and values, and speak to each other."""
