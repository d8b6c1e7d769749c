"""What checks a family: its promises, packing, the coordinate check, and the transfer of its learning rate.

All of it trains with the trainer's own update, optimisers and replicas.
"""
