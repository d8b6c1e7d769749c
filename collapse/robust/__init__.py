"""What a verdict owes to one spike or one run, and noise that sizes share where there are few seeds."""
