"""How large must a sweep be, and what could this one have shown: power by simulation through the same tests."""
