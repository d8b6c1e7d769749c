"""From which model size on is a ladder universal? Sub-ladders tested from the top, and corrections to scaling."""
