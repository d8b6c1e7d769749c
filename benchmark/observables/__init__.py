"""What is measured along the training: one file an observable."""
