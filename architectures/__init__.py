"""Families of networks, each with a ladder of sizes. One file adds a family."""
