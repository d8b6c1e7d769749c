"""What a learning curve is, where it is kept and how it travels. Imports neither torch nor ray."""
